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

export function makeFlow(flow: Omit<Flow, "key">): Flow {
  const { encoding, whenBehind, behindAfterMs, maxEventsPerSecond } = flow;
  return { ...flow, key: `${encoding.slot} ${whenBehind} ${behindAfterMs} ${maxEventsPerSecond}` };
}
