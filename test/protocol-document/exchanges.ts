/** The blocks that show an exchange with a server: each is carried out, and held to what came. */
import assert from "node:assert/strict";
import { WebSocket } from "ws";
import { frameSchemas } from "../../server/src/api/schemas/frames.ts";
import { drivers, ndjsonDriver, SseReader } from "../transports/drivers.ts";
import type { Block } from "./document.ts";
import { assertLike } from "./pattern.ts";

/** What is published is processed before anybody can read it: that takes a moment. */
const PATIENCE_MS = 10_000;

interface Request {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The head and body of a request or an answer. */
function readMessage(text: string): {
  first: string;
  headers: Record<string, string>;
  body: string;
} {
  const [head = "", ...rest] = text.split("\n\n");
  const [first = "", ...lines] = head.split("\n");
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(":");
      assert.ok(colon > 0, `${line} is no header`);
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  return { first, headers, body: rest.join("\n\n").trim() };
}

function readRequest(text: string): Request {
  const { first, headers, body } = readMessage(text);
  const [method = "", path = ""] = first.split(" ");
  assert.match(path, /^\//, `${first} is no request`);
  return { method, path, headers, body };
}

/** `http`: a request and its answer. */
export async function runHttp(url: string, { text }: Block): Promise<void> {
  const at = text.indexOf("\nHTTP/1.1 ");
  assert.ok(at > 0, "there is no answer");
  const request = readRequest(text.slice(0, at).trimEnd());
  const answer = readMessage(text.slice(at + 1));
  const deadlineMs = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      await askOnce(url, request, answer);
      return;
    } catch (caught) {
      if (!changesNothing(request) || performance.now() > deadlineMs) throw caught;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Whether a request may be made again until its answer is the one that is shown. */
function changesNothing({ method, path }: Request): boolean {
  return method === "GET" || path.endsWith("/preview");
}

async function askOnce(
  url: string,
  { method, path, headers, body }: Request,
  expected: ReturnType<typeof readMessage>,
): Promise<void> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers,
    ...(body === "" ? {} : { body }),
  });
  const text = await response.text();
  assert.equal(`HTTP/1.1 ${response.status}`, expected.first, text);
  for (const [name, value] of Object.entries(expected.headers))
    assertLike(response.headers.get(name), value, name);
  const lines = (of: string) => of.trim().split("\n");
  const wanted = lines(expected.body);
  const got = lines(text);
  assert.equal(got.length, wanted.length, text);
  for (const [at, line] of wanted.entries())
    assertLike(JSON.parse(got[at] ?? ""), JSON.parse(line));
}

interface Frame {
  readonly type?: string;
  readonly event_type?: string;
}

/** A control frame of the server has the members that its schema says, and no others. */
export function assertFrame(frame: Frame): void {
  if (frame.event_type !== undefined) return;
  const schema = frameSchemas[frame.type as keyof typeof frameSchemas];
  assert.ok(schema !== undefined, `there is no frame ${frame.type}`);
  const result = schema.safeParse(frame);
  assert.ok(result.success, `${frame.type}: ${result.error}`);
}

/** `websocket`: what the client sends behind `>`, what comes behind `<`, and perhaps a close. */
export async function runWebSocket(url: string, { text }: Block): Promise<void> {
  const [first = "", ...lines] = text.split("\n");
  const { path } = readRequest(first);
  const socket = new WebSocket(`${url.replace("http", "ws")}${path}`);
  const got: string[] = [];
  let wake = (): void => undefined;
  socket.on("message", (data) => {
    const line = `< ${String(data)}`;
    assertFrame(JSON.parse(line.slice(2)) as Frame);
    if (!/"type":"checkpoint"/.test(line)) got.push(line);
    wake();
  });
  socket.on("close", (code) => {
    got.push(`< close ${code}`);
    wake();
  });
  const next = async (): Promise<string> => {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    while (got.length === 0) {
      assert.ok(!signal.aborted, "nothing came");
      await new Promise<void>((resolve) => {
        wake = resolve;
        setTimeout(resolve, 200);
      });
    }
    return got.shift() ?? "";
  };
  try {
    for (const line of lines) {
      if (line.startsWith("> ")) {
        JSON.parse(line.slice(2));
        socket.send(line.slice(2));
        continue;
      }
      const came = await next();
      if (/^< close /.test(line)) assert.equal(came, line);
      else assertLike(JSON.parse(came.slice(2)), JSON.parse(line.slice(2)));
    }
  } finally {
    socket.terminate();
  }
}

/** `ndjson`: the request of a stream, and its first lines. */
export async function runNdjson(url: string, { text }: Block): Promise<void> {
  const { path, body } = readRequest(text);
  const wanted = body.split("\n");
  const got = (await firstOf(url, path, {}, wanted.length, ndjsonDriver.name)).trim().split("\n");
  assert.equal(got.length, wanted.length);
  for (const [at, line] of wanted.entries()) {
    assertFrame(JSON.parse(got[at] ?? "") as Frame);
    assertLike(JSON.parse(got[at] ?? ""), JSON.parse(line));
  }
}

/** `sse`: the request of a stream, and its first messages, line by line. */
export async function runSse(url: string, { text }: Block): Promise<void> {
  const { path, headers, body } = readRequest(text);
  const wanted = body.split("\n\n");
  const got = (await firstOf(url, path, headers, wanted.length, "SSE")).trim().split("\n\n");
  assert.equal(got.length, wanted.length);
  const reader = new SseReader();
  reader.feed(Buffer.from(`${got.join("\n\n")}\n\n`));
  assert.equal(reader.messages.length, wanted.length);
  for (const [at, message] of wanted.entries()) {
    const lines = (got[at] ?? "").split("\n");
    for (const [place, line] of message.split("\n").entries()) {
      const came = lines[place] ?? "";
      if (!line.startsWith("data: ")) assertLike(came, line);
      else assertLike(JSON.parse(came.slice(6)), JSON.parse(line.slice(6)));
    }
    assert.equal(lines.length, message.split("\n").length, got[at]);
  }
}

/** The first frames of a stream, as they came. */
async function firstOf(
  url: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  count: number,
  transport: string,
): Promise<string> {
  assert.ok(drivers.some(({ name }) => name === transport));
  const abort = new AbortController();
  const response = await fetch(`${url}${path}`, { headers, signal: abort.signal });
  assert.equal(response.status, 200);
  const end = transport === "SSE" ? "\n\n" : "\n";
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    if (text.split(end).length > count) break;
  }
  abort.abort();
  return text.split(end).slice(0, count).join(end);
}
