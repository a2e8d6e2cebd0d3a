import type { WhenBehind } from "@penstock-dev/contract";
import type { Encoding } from "./outlet.ts";

/** How a subscription wants its events: what members of one lane have in common. */
export interface Flow {
  readonly encoding: Encoding;
  readonly whenBehind: WhenBehind;
  readonly behindAfterMs: number;
  /** Undefined sets no bound. */
  readonly maxEventsPerSecond: number | undefined;
  /** Equal for equal flows. */
  readonly key: string;
}

/** Flows that were made, by their key: most clients have one of a few. */
const made = new Map<string, Flow>();

/** Rates are the clients' to choose: beyond so many flows, those who come share none. */
const MADE_MAX = 1024;

/** Equal flows are one object, as long as there are not too many of them. */
export function makeFlow(flow: Omit<Flow, "key">): Flow {
  const { encoding, whenBehind, behindAfterMs, maxEventsPerSecond } = flow;
  const key = `${encoding.slot} ${whenBehind} ${behindAfterMs} ${maxEventsPerSecond}`;
  const known = made.get(key);
  if (known?.encoding === encoding) return known;
  const fresh = { ...flow, key };
  if (made.size < MADE_MAX) made.set(key, fresh);
  return fresh;
}
