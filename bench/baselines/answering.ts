/** What answers a line with a line and a post with 202, and keeps nothing: the price of HTTP alone. */
import { createServer } from "node:http";
import { sayPort } from "./commands.ts";

const LINE_FEED = 10;

const server = createServer((incoming, response) => {
  if (incoming.headers["content-type"] === "application/json") {
    incoming.resume().on("end", () => response.writeHead(202).end("{}"));
    return;
  }
  incoming.on("data", (chunk: Buffer) => {
    let answers = "";
    for (const byte of chunk) if (byte === LINE_FEED) answers += '{"status":202}\n';
    response.write(answers);
  });
  incoming.on("end", () => response.end());
});
server.listen(0, "127.0.0.1", () => sayPort(server));
// It ends with whoever started it.
process.stdin.resume().on("close", () => process.exit(0));
