/**
 * Where an enriched record came from: the raw record, and its place among what that record gave.
 * Sources are compared in the order of the members; whoever reads an enriched topic passes over a
 * record whose source is not beyond the last one seen in its partition (docs/invariants.md).
 */
export interface Source {
  /** Raised when the raw topic is not the one that the output came from. */
  readonly generation: number;
  /** Offset of the raw record in its partition. */
  readonly offset: number;
  /** Index among what the raw record gave to this output, from 0. */
  readonly index: number;
  /** Whether it is the last that the raw record gave to this output. */
  readonly last: boolean;
}

/** The text of a source, as record headers and cursors carry it: `generation.offset.index.last`. */
export function formatSource(source: Source): string {
  return `${source.generation}.${source.offset}.${source.index}.${source.last ? 1 : 0}`;
}

/** The source that a text names, or undefined where it is none. */
export function parseSource(text: string): Source | undefined {
  const match = /^(\d{1,15})\.(\d{1,16})\.(\d{1,9})\.([01])$/.exec(text);
  if (match === null) return undefined;
  return {
    generation: Number(match[1]),
    offset: Number(match[2]),
    index: Number(match[3]),
    last: match[4] === "1",
  };
}

/** Negative, zero or positive as `a` stands before, at or behind `b`. */
export function compareSources(a: Source, b: Source): number {
  return (
    a.generation - b.generation ||
    a.offset - b.offset ||
    a.index - b.index ||
    Number(a.last) - Number(b.last)
  );
}
