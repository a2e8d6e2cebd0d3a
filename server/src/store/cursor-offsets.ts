import { decodeCursor, encodeCursor, PenstockError } from "@penstock-dev/contract";
import type { Log, TopicInfo } from "../log/index.ts";
import type { Stream } from "../streams/index.ts";

/** A cursor at these offsets of a stream's topic. */
export function cursorAt(stream: Stream, info: TopicInfo, offsets: readonly number[]): string {
  return encodeCursor({
    stream: stream.name,
    topic: stream.topic,
    logId: info.logId,
    generation: info.generation,
    partitions: new Map(offsets.map((offset, partition) => [partition, { offset }])),
  });
}

/**
 * The offsets that a cursor of a stream names.
 *
 * @param floors of partitions that the cursor does not name
 * @throws PenstockError `cursor_invalid`, `cursor_foreign` or `cursor_ahead`
 */
export async function offsetsOfCursor(
  log: Log,
  stream: Stream,
  text: string,
  floors: readonly number[],
): Promise<number[]> {
  const cursor = decodeCursor(text);
  const info = await log.describe(stream.topic);
  const known =
    cursor.stream === stream.name &&
    cursor.topic === stream.topic &&
    cursor.logId === info.logId &&
    cursor.generation <= info.generation;
  if (!known) {
    throw new PenstockError("cursor_foreign", "The cursor belongs to another stream or log.");
  }
  const heads = await log.heads(stream.topic);
  for (const partition of cursor.partitions.keys()) {
    if (partition >= heads.length)
      throw new PenstockError("cursor_foreign", `The topic has no partition ${partition}.`);
  }
  const offsets: number[] = [];
  for (const [partition, head] of heads.entries()) {
    const offset = cursor.partitions.get(partition)?.offset ?? floors[partition] ?? 0;
    if (offset > head)
      throw new PenstockError("cursor_ahead", "The cursor is past the end of the stream.");
    const changed = await log.generationStart(stream.topic, partition, cursor.generation);
    if (changed !== undefined && offset > changed) {
      throw new PenstockError(
        "cursor_foreign",
        `The log lost what came after offset ${changed} of partition ${partition}; the cursor stands behind it.`,
      );
    }
    offsets.push(offset);
  }
  return offsets;
}
