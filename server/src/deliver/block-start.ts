import { PenstockError } from "@penstock-dev/contract";
import type { Place } from "./place.ts";
import type { ReadableLog } from "./readable-log.ts";

const SCAN = { recordsMax: 5000, bytesMax: 8 * 1024 * 1024 };

/**
 * The place just before a chain's block with a number, as it was applied first; the other
 * partitions stand where they stood when the log took that block.
 *
 * @throws PenstockError `invalid_request` where the block is not among what is kept
 */
export async function blockPlace(
  readable: ReadableLog,
  block: { readonly chain: string; readonly number: number },
  floor: Place,
  head: Place,
): Promise<Place> {
  if (!readable.stream.fields.has("chain")) {
    throw new PenstockError("invalid_request", "This stream has no blocks to start at.", {
      errors: [{ path: "/start/block", message: "is for streams of chains" }],
    });
  }
  for (const [partition, end] of head.offsets.entries()) {
    let next = floor.offsets[partition] ?? 0;
    while (next < end) {
      const read = await readable.read(partition, next, SCAN);
      for (const record of read.records) {
        const decoded = readable.stream.decode(record);
        if (decoded.kind !== "event" || decoded.event.event_type !== "block") continue;
        const { payload } = decoded.event;
        if (payload.chain !== block.chain || payload.number !== block.number) continue;
        const offsets = await Promise.all(
          head.offsets.map(async (_, other) =>
            other === partition
              ? record.offset
              : await readable.offsetAt(other, record.timestampMs),
          ),
        );
        return { offsets, sources: [] };
      }
      if (read.next <= next) break;
      next = read.next;
    }
  }
  throw new PenstockError(
    "invalid_request",
    `Block ${block.number} of ${block.chain} is not among what is kept.`,
    {
      errors: [{ path: "/start/block", message: "names a block that is not kept" }],
    },
  );
}
