import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Observer } from "../observe/index.ts";

/**
 * Starts the port of operators: metrics and health. It is there before anything else serves, and
 * for as long as anything does.
 *
 * @param unready why the server cannot serve; undefined where it can
 * @returns its address
 */
export async function startAdmin(
  address: { readonly host: string; readonly port: number },
  observer: Observer,
  unready: () => string | undefined,
  stack: AsyncDisposableStack,
): Promise<string> {
  const admin = createServer((request, response) => {
    const path = request.url?.split("?")[0];
    if (path === "/healthz") {
      response.end("ok\n");
    } else if (path === "/readyz") {
      const reason = unready();
      if (reason === undefined) response.end("ready\n");
      else response.writeHead(503, { "retry-after": "1" }).end(`${reason}\n`);
    } else if (path === "/metrics") {
      observer.metrics().then(
        (text) => response.setHeader("content-type", observer.contentType).end(text),
        (caught: unknown) => response.writeHead(500).end(String(caught)),
      );
    } else {
      response.writeHead(404).end("There are /metrics, /healthz and /readyz.\n");
    }
  });
  const { host } = address;
  await new Promise<void>((done, failed) => {
    admin.once("error", failed);
    admin.listen(address.port, host, done);
  });
  stack.defer(async () => {
    admin.closeAllConnections();
    await new Promise((done) => admin.close(done));
  });
  const { port } = admin.address() as AddressInfo;
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}
