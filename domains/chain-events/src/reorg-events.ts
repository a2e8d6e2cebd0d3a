import type { DomainEvent } from "@penstock-dev/contract";

/** A block by number and hash. */
export interface BlockName {
  readonly number: number;
  readonly hash: string;
}

const name = ({ number, hash }: BlockName): BlockName => ({ number, hash });

/** Tells a chain's followers that blocks were replaced. @param removed newest first */
export function reorgEvent(
  chain: string,
  ancestor: BlockName | null,
  removed: readonly BlockName[],
  added: readonly BlockName[],
): DomainEvent {
  const from = removed[0]?.hash ?? "";
  const to = added.at(-1)?.hash ?? ancestor?.hash ?? "";
  return {
    event_type: "reorg",
    id: `${chain}:${from}:reorg:${to}`,
    noun: "reorg",
    payload: {
      chain,
      common_ancestor: ancestor === null ? null : name(ancestor),
      removed: removed.map(name),
      added: added.map(name),
    },
  };
}

/** The undo of a block's events: each again, newest first. */
export function undo(events: readonly DomainEvent[]): DomainEvent[] {
  return events.map((event): DomainEvent => ({ ...event, removed: true })).reverse();
}

/** Tells that a block and all before it are final. */
export function finalEvent(chain: string, { number, hash }: BlockName): DomainEvent {
  return {
    event_type: "final",
    id: `${chain}:${hash}:final`,
    noun: "final",
    payload: { chain, number, hash },
  };
}
