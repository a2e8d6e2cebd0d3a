import { setImmediate as turn } from "node:timers/promises";
import type { Log, LogRecord } from "../../log/index.ts";

/** Records that are read before whoever looks for something may have enough. */
const STEP_RECORDS = 5000;
/** What is read in one turn: a few hundredths of a second's worth of JSON. */
const READ_LIMITS = { recordsMax: 500, bytesMax: 4 * 1024 * 1024 };

/**
 * Reads a partition back from its end to its floor, a step at a time. Yields what each step has, in
 * the order of the log, the newest step first; others have their turn after each read.
 *
 * @param find what is looked for in a record; undefined: it is not there
 * @throws the signal's reason, and what the log throws
 */
export async function* readBack<T>(
  log: Log,
  topic: string,
  partition: number,
  signal: AbortSignal,
  find: (record: LogRecord) => T | undefined,
): AsyncGenerator<readonly T[]> {
  const floor = async (): Promise<number> => (await log.floors(topic))[partition] ?? 0;
  let end = (await log.heads(topic))[partition] ?? 0;
  while (end > (await floor())) {
    const begin = Math.max(0, end - STEP_RECORDS);
    const found: T[] = [];
    for (let next = begin; next < end; ) {
      signal.throwIfAborted();
      // What the log lets go of meanwhile is passed over.
      next = Math.max(next, await floor());
      if (next >= end) break;
      const recordsMax = Math.min(READ_LIMITS.recordsMax, end - next);
      const read = await log.read(topic, partition, next, { ...READ_LIMITS, recordsMax });
      for (const record of read.records) {
        const one = record.offset < end ? find(record) : undefined;
        if (one !== undefined) found.push(one);
      }
      if (read.next <= next) break;
      next = read.next;
      await turn();
    }
    yield found;
    end = begin;
  }
}
