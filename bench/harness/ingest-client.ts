import { once } from "node:events";
import { Agent, type IncomingMessage, request } from "node:http";
import { filler } from "./bench-event.ts";

const LINES_PER_WRITE = 200;

/** Sends lines over one connection, in order, and counts those that are acknowledged. */
export async function sendLines(
  url: string,
  from: number,
  count: number,
  eventOf: (number: number) => object = filler,
): Promise<number> {
  const headers = { "content-type": "application/x-ndjson" };
  const body = request(url, { method: "POST", agent: false, headers });
  const answered = new Promise<number>((resolve, reject) => {
    body.on("error", reject);
    body.on("response", (response) => {
      let acknowledged = 0;
      let rest = "";
      response.setEncoding("latin1");
      response.on("data", (chunk: string) => {
        const lines = (rest + chunk).split("\n");
        rest = lines.pop() ?? "";
        for (const one of lines) if (one.includes('"status":202')) acknowledged += 1;
      });
      response.on("end", () => resolve(acknowledged));
      response.on("error", reject);
    });
  });
  for (let sent = 0; sent < count; sent += LINES_PER_WRITE) {
    const size = Math.min(LINES_PER_WRITE, count - sent);
    const lines = Array.from({ length: size }, (_, at) =>
      JSON.stringify(eventOf(from + sent + at)),
    );
    if (!body.write(`${lines.join("\n")}\n`)) await once(body, "drain");
  }
  body.end();
  return await answered;
}

/** Posts single events, one behind the other over each of some connections, and counts those acknowledged. */
export async function postSingles(
  url: string,
  from: number,
  count: number,
  connections: number,
): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const headers = { "content-type": "application/json" };
  let next = 0;
  let acknowledged = 0;
  const one = async (): Promise<void> => {
    while (next < count) {
      const body = request(url, { method: "POST", agent, headers });
      body.end(JSON.stringify(filler(from + next++)));
      const [response] = (await once(body, "response")) as [IncomingMessage];
      response.resume();
      await once(response, "end");
      if (response.statusCode === 202) acknowledged += 1;
    }
  };
  await Promise.all(Array.from({ length: connections }, one));
  agent.destroy();
  return acknowledged;
}
