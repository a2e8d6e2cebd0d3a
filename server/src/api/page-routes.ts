import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { FastifyInstance } from "fastify";

/** Where the page's files lie in the repository; a package that is installed alone has none. */
const PAGE = new URL("../../../examples/live-page/", import.meta.url);

const HTML = "text/html; charset=utf-8";
const SCRIPT = "text/javascript; charset=utf-8";

/** The page's modules. */
const SCRIPTS = [
  "live-page.js",
  "page-address.js",
  "dom.js",
  "event-row.js",
  "filter-form.js",
  "rate-chart.js",
  "snippet.js",
];

/** Everything comes from this server, and nothing that is written into the page runs. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

interface Page {
  readonly body: Buffer;
  readonly contentType: string;
  readonly etag: string;
}

/**
 * The page at `/` on which a visitor follows a stream, and the SDK that it is built on, as one module
 * at `/client.js`. Without the page's files `/` says where else to look.
 *
 * @param folder where the page's files lie
 */
export function registerPages(app: FastifyInstance, folder: URL = PAGE): void {
  const read = (name: string) => (): Buffer => readFileSync(fileURLToPath(new URL(name, folder)));
  const plain = (): Buffer => Buffer.from(PLAIN_PAGE);
  servePage(app, "/", HTML, [read("index.html"), plain]);
  servePage(app, "/live-page.css", "text/css; charset=utf-8", [read("live-page.css")]);
  for (const name of SCRIPTS) servePage(app, `/${name}`, SCRIPT, [read(name)]);
  servePage(app, "/icon.svg", "image/svg+xml", [read("icon.svg")]);
  servePage(app, "/client.js", SCRIPT, [sdk]);
}

/** Most servers never serve the page, so what makes it is loaded when it is first asked for. */
async function sdk(): Promise<Buffer> {
  const { browserModule } = await import("@penstock-dev/client/browser-module.ts");
  return Buffer.from(browserModule());
}

type PageSource = () => Buffer | Promise<Buffer>;

/** Serves the first of some sources that there is. */
function servePage(
  app: FastifyInstance,
  path: string,
  contentType: string,
  sources: readonly PageSource[],
): void {
  let made: Promise<Page | undefined> | undefined;
  app.get(path, async (request, reply) => {
    made ??= makePage(contentType, sources);
    const page = await made;
    if (page === undefined) return reply.callNotFound();
    reply
      .header("etag", page.etag)
      // Asked for each time, and sent only when it changed: a new server's page is seen at once.
      .header("cache-control", "no-cache")
      .header("content-security-policy", CONTENT_SECURITY_POLICY)
      .header("x-content-type-options", "nosniff")
      .header("referrer-policy", "no-referrer")
      .header("cross-origin-opener-policy", "same-origin");
    if (request.headers["if-none-match"]?.includes(page.etag)) return reply.code(304).send();
    return reply.type(page.contentType).send(page.body);
  });
}

async function makePage(
  contentType: string,
  sources: readonly PageSource[],
): Promise<Page | undefined> {
  for (const source of sources) {
    try {
      const body = await source();
      const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
      return { body, contentType, etag };
    } catch {
      // It is not installed here.
    }
  }
  return undefined;
}

const PLAIN_PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Penstock</title>
<h1>Penstock is running</h1>
<p>What it serves: <a href="/v1/streams">/v1/streams</a>. To follow a stream:</p>
<pre>curl -N http://this-server/v1/{stream}/live</pre>
</html>
`;
