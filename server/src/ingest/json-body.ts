import type { Readable } from "node:stream";
import { PenstockError } from "@penstock-dev/contract";
import type { Ingester } from "./ingester.ts";
import { parseJsonBytes } from "./json-text.ts";

/**
 * Reads a body of one JSON value, counted among what waits while it comes.
 *
 * @throws PenstockError `payload_too_large`, `overloaded` or `invalid_json`
 */
export async function readJsonBody(ingester: Ingester, body: Readable): Promise<unknown> {
  const { bodyBytesMax } = ingester.options;
  const chunks: Buffer[] = [];
  const releases: (() => void)[] = [];
  let bytes = 0;
  try {
    // A body that is refused is not destroyed: its socket would go before the answer does.
    const iterator = body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
    for await (const chunk of iterator) {
      bytes += chunk.length;
      if (bytes > bodyBytesMax) {
        throw new PenstockError(
          "payload_too_large",
          `One event has at most ${bodyBytesMax} bytes; send many as NDJSON, one a line.`,
        );
      }
      releases.push(ingester.hold(chunk.length));
      chunks.push(chunk);
    }
    return parseJsonBytes(Buffer.concat(chunks));
  } catch (caught) {
    if (!body.readableAborted) throw caught;
    throw new PenstockError("invalid_json", "The body ended early.");
  } finally {
    for (const release of releases) release();
  }
}
