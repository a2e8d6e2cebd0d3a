import type { Encoding } from "../deliver/index.ts";
import { textFrame } from "./websocket/frames.ts";

export const websocketEncoding: Encoding = {
  name: "websocket",
  slot: 0,
  event: textFrame,
  control: (_type, json) => textFrame(json),
};

/** Server-sent events (WHATWG HTML §9.2): events have no `event:` line, so `onmessage` gets them. */
export const sseEncoding: Encoding = {
  name: "sse",
  slot: 1,
  event: (body) => Buffer.from(`data: ${body}\n\n`),
  control: (type, json, cursor) => {
    const resumes = cursor !== undefined && (type === "subscribed" || type === "checkpoint");
    return Buffer.from(`event: ${type}\n${resumes ? `id: ${cursor}\n` : ""}data: ${json}\n\n`);
  },
};

/** One frame a line. */
export const ndjsonEncoding: Encoding = {
  name: "ndjson",
  slot: 2,
  event: (body) => Buffer.from(`${body}\n`),
  control: (_type, json) => Buffer.from(`${json}\n`),
};
