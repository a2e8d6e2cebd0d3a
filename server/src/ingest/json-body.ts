import type { Readable } from "node:stream";
import { PenstockError } from "@penstock-dev/contract";
import { GrowingBytes } from "../growing-bytes.ts";
import type { Ingester } from "./ingester.ts";
import { parseRecordBytes } from "./json-text.ts";

/**
 * Reads a body of one JSON value, counted among what waits while it comes.
 *
 * @throws PenstockError `payload_too_large`, `overloaded` or `invalid_json`
 */
export async function readJsonBody(ingester: Ingester, body: Readable): Promise<unknown> {
  const { bodyBytesMax } = ingester.options;
  const held = ingester.holding();
  const tooLarge = `One event has at most ${bodyBytesMax} bytes; send many as NDJSON, one a line.`;
  try {
    return parseRecordBytes(
      await readWhole(body, bodyBytesMax, tooLarge, (bytes) => held.add(bytes)),
    );
  } finally {
    held.release();
  }
}

/**
 * Reads a body whole. Its pieces are copied together as they come: one byte that comes in a chunk of
 * its own would else take five hundred.
 *
 * @param tooLarge the detail where it has more bytes than it may
 * @param taking told of each piece before it is kept
 * @throws PenstockError `payload_too_large`, or `invalid_json` where it ends early
 */
export async function readWhole(
  body: Readable,
  bytesMax: number,
  tooLarge: string,
  taking: (bytes: number) => void = () => undefined,
): Promise<Buffer> {
  const whole = new GrowingBytes();
  try {
    // A body that is refused is not destroyed: its socket would go before the answer does.
    const iterator = body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
    for await (const chunk of iterator) {
      if (whole.length + chunk.length > bytesMax)
        throw new PenstockError("payload_too_large", tooLarge);
      taking(chunk.length);
      whole.append(chunk);
    }
    return whole.bytes;
  } catch (caught) {
    if (!body.readableAborted) throw caught;
    throw new PenstockError("invalid_json", "The body ended early.");
  }
}
