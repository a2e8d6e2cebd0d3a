import type { ProcessOutcome, Source } from "@penstock-dev/contract";
import type { NewRecord } from "../log/index.ts";
import { encodeEvent, encodeTombstone } from "../streams/index.ts";

/** What a raw record gives one output. */
export interface Given<Output> {
  readonly output: Output;
  readonly records: readonly { readonly source: Source; readonly record: NewRecord }[];
}

/**
 * The whole of what a raw record gives, before any of it is written: a part alone would be wrong.
 * It is in the order in which outputs are written.
 *
 * @param at the raw record, and the raw offset that the state depends on
 * @throws TypeError where the domain gave what is no event, or cannot be JSON
 */
export function encodeOutcome<Output>(
  outcome: ProcessOutcome,
  outputs: {
    readonly tombstones: Output | undefined;
    readonly enriched: Output;
    readonly final: Output | undefined;
  },
  at: {
    readonly generation: number;
    readonly offset: number;
    readonly key: string;
    readonly stateFrom: number;
  },
): readonly Given<Output>[] {
  const { generation, offset, key, stateFrom } = at;
  const given: Given<Output>[] = [];
  const put = <T>(
    output: Output | undefined,
    items: readonly T[],
    encode: (item: T, source: Source) => NewRecord,
  ): void => {
    if (output === undefined) return;
    if (!Array.isArray(items)) throw new TypeError("what it gave is no list");
    const records = items.map((item: T, index) => {
      const source = { generation, offset, index, last: index === items.length - 1 };
      return { source, record: encode(item, source) };
    });
    given.push({ output, records });
  };
  const { tombstones = [], enriched, final = [] } = outcome;
  put(outputs.tombstones, tombstones, (contentKey, source) =>
    encodeTombstone(contentKey, source, stateFrom),
  );
  put(outputs.enriched, enriched, (event, source) => encodeEvent(event, key, source, stateFrom));
  put(outputs.final, final, (event, source) => encodeEvent(event, key, source, stateFrom));
  return given;
}
