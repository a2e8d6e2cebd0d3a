import type { FastifyInstance, FastifyRequest } from "fastify";

const TOO_SLOW = "HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n\r\n";

/**
 * Cuts a request whose body does not come in time. A route that takes its body as a stream is past
 * the deadline at once.
 */
export function installBodyDeadline(app: FastifyInstance, timeoutMs: number): void {
  const timers = new WeakMap<FastifyRequest, NodeJS.Timeout>();
  const clear = (request: FastifyRequest): void => {
    const timer = timers.get(request);
    if (timer === undefined) return;
    clearTimeout(timer);
    timers.delete(request);
  };
  app.addHook("onRequest", async (request, reply) => {
    const { headers, raw } = request;
    const length = headers["content-length"] ?? "0";
    if (length === "0" && headers["transfer-encoding"] === undefined) return;
    const timer = setTimeout(() => {
      if (!reply.raw.headersSent) raw.socket.write(TOO_SLOW);
      raw.socket.destroy();
    }, timeoutMs);
    timer.unref();
    timers.set(request, timer);
  });
  app.addHook("preValidation", async (request) => clear(request));
  app.addHook("onResponse", async (request) => clear(request));
}
