import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { OPERATIONS, type Operation } from "./docs/operations.ts";
import { readQuery } from "./query-string.ts";

const NO_QUERY = z.strictObject({});

/** Balancers and monitors add what they like to these addresses. */
const ANY_QUERY: readonly string[] = ["/healthz", "/readyz"];

/**
 * Refuses parameters that a call does not know, by the table that documentation comes from: a
 * misspelled one would else be passed over in silence. Calls that take a stream's fields read their
 * queries themselves.
 */
export function installQueryCheck(app: FastifyInstance): void {
  const schemas = new Map(OPERATIONS.filter(isChecked).map((call) => [keyOf(call), call.query]));
  app.addHook("preHandler", async (request) => {
    const method = request.method === "HEAD" ? "get" : request.method.toLowerCase();
    const key = keyOf({ method, path: request.routeOptions.url });
    if (schemas.has(key)) readQuery(request, schemas.get(key) ?? NO_QUERY);
  });
}

function isChecked({ path, filtered, errors }: Operation): boolean {
  return !ANY_QUERY.includes(path) && filtered !== true && !errors.includes("upgrade_required");
}

function keyOf(call: { readonly method: string; readonly path: string | undefined }): string {
  return `${call.method} ${call.path}`;
}
