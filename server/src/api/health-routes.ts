import { PenstockError } from "@penstock-dev/contract";
import type { FastifyInstance } from "fastify";

/** Whether the process lives, and whether it can serve; without detail. */
export function registerHealth(app: FastifyInstance, unready: () => string | undefined): void {
  app.get("/healthz", async () => ({ status: "ok" }));
  app.get("/readyz", async () => {
    if (unready() !== undefined)
      throw new PenstockError("overloaded", "The server is not ready.", { retryAfterMs: 1000 });
    return { status: "ready" };
  });
}
