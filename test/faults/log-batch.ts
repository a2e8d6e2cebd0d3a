import { hash } from "node:crypto";

export const PARTITIONS = 2;

/** Where a writer kills itself. */
export const KILL_POINTS = [
  "opening",
  "appending",
  "acknowledged",
  "retaining",
  "closing",
] as const;
export type KillPoint = (typeof KILL_POINTS)[number];

interface BatchRecord {
  readonly key: string;
  readonly value: Buffer;
}

/**
 * The records of a batch, which follow from its name: a few or many, small and large, so that any
 * that is torn or mixed up is known. The key says which of how many of which batch it is.
 */
export function batchOf(name: string): readonly BatchRecord[] {
  const drawn = Buffer.from(hash("sha256", name, "hex"), "hex");
  const count = 1 + ((drawn[0] ?? 0) % 5);
  return Array.from({ length: count }, (_, at) => {
    const large = (drawn[1] ?? 0) < 10;
    const size = ((drawn[2 + at] ?? 0) + 1) * (large ? 2000 : 7);
    return { key: `${name} ${at} ${count}`, value: Buffer.alloc(size, `${name}/${at}/`) };
  });
}
