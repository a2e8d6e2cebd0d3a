import type { DomainEvent, ProcessOutcome } from "@penstock-dev/contract";
import { inMainUnit, toRaw } from "./amounts.ts";
import type { SettingsOf } from "./chains.ts";
import { decodeEvmBlock } from "./evm-block.ts";
import { EXCERPT_LIMITS, type ExcerptLimits, Excerpts } from "./excerpts.ts";
import type { LoneRecord, RawChainRecord } from "./raw-record.ts";
import { decodeUtxoBlock } from "./utxo-block.ts";

/** A chain of which nothing came for so many raw records of its partition is forgotten. */
export const IDLE_RECORDS_MAX = 20_000;

/** The chains of a partition, by name. */
export interface ChainState {
  readonly chains: Map<string, Excerpts>;
  readonly limits: ExcerptLimits;
  lastOffset: number;
  /** A replay from this raw offset on gives the same state. */
  replayFrom: number;
}

export function createChainState(limits: ExcerptLimits = EXCERPT_LIMITS): ChainState {
  return { chains: new Map(), limits, lastOffset: -1, replayFrom: 0 };
}

/** The lowest raw offset that the state of a partition depends on. */
export function chainStateFrom(state: ChainState): number {
  return state.chains.size === 0 ? state.lastOffset + 1 : state.replayFrom;
}

/**
 * Finds where a replay of all chains together may begin: what is a good place for one of them may
 * show another, as its first block, one that is not of its chain.
 */
function settleReplay(state: ChainState): void {
  let from = state.lastOffset + 1;
  for (let before = from + 1; from < before; ) {
    before = from;
    for (const chain of state.chains.values()) from = chain.replayFrom(from);
  }
  // A place that was good once stays good: from there on, all is a function of the records.
  state.replayFrom = Math.max(state.replayFrom, from);
  for (const chain of state.chains.values()) chain.forgetBefore(state.replayFrom);
}

/**
 * What one raw record of a chain gives.
 *
 * @param region where the record is from, if its producer says so: its events keep it, also in an undo
 */
export function applyChainRecord(
  raw: RawChainRecord,
  state: ChainState,
  offset: number,
  settingsOf: SettingsOf,
  region?: string,
): ProcessOutcome {
  state.lastOffset = offset;
  for (const [name, chain] of state.chains) {
    if (chain.lastOffset < offset - IDLE_RECORDS_MAX) state.chains.delete(name);
    else chain.letGo(offset);
  }
  if (raw.type === "tx") return applyLone(raw, settingsOf, region);
  const known = state.chains.get(raw.chain);
  if (raw.type === "final") {
    if (known === undefined) return { enriched: [], dead: `/chain ${raw.chain} has no blocks yet` };
    known.lastOffset = offset;
    const outcome = known.applyFinal(raw.number, raw.hash.toLowerCase());
    settleReplay(state);
    return outcome;
  }
  const { decimals } = settingsOf(raw.chain);
  const decoded =
    "receipts" in raw ? decodeEvmBlock(raw, decimals) : decodeUtxoBlock(raw, decimals);
  if ("wrong" in decoded) return { enriched: [], dead: decoded.wrong };
  const block =
    region === undefined
      ? decoded
      : { ...decoded, events: decoded.events.map((event) => ({ ...event, region })) };
  const chain = known ?? new Excerpts(raw.chain, settingsOf(raw.chain), state.limits);
  state.chains.set(raw.chain, chain);
  chain.lastOffset = offset;
  const mark = raw.head === true ? "head" : raw.start === true ? "start" : undefined;
  const outcome = chain.applyBlock(block, mark, offset, state.replayFrom);
  settleReplay(state);
  return outcome;
}

/** An event that its producer decoded already: it belongs to no block, and is never undone. */
function applyLone(
  raw: LoneRecord,
  settingsOf: SettingsOf,
  region: string | undefined,
): ProcessOutcome {
  const { type: _type, id, value, fee, ...rest } = raw;
  const { decimals } = settingsOf(raw.chain);
  const rawValue = toRaw(value, decimals);
  const rawFee = fee === undefined ? undefined : toRaw(fee, decimals);
  if (rawValue === undefined)
    return { enriched: [], dead: `/value has more than ${decimals} decimals` };
  const event: DomainEvent = {
    event_type: "tx",
    id: `${raw.chain}:tx:${raw.hash ?? id ?? ""}`,
    noun: "tx",
    ...(region === undefined ? {} : { region }),
    payload: {
      ...lowered(rest),
      value: inMainUnit(rawValue, decimals),
      value_raw: rawValue.toString(),
      ...(rawFee === undefined ? {} : { fee: inMainUnit(rawFee, decimals) }),
    },
  };
  return { enriched: [event] };
}

/** Hex in lower case, as it is compared; other addresses have a case of their own. */
function lowered(members: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(members).map(([name, value]) => [
      name,
      typeof value === "string" && value.startsWith("0x") ? value.toLowerCase() : value,
    ]),
  );
}
