import type { DomainEvent } from "@penstock-dev/contract";

/** A block as the tree wants it, whatever family it is of. */
export interface DecodedBlock {
  readonly number: number;
  readonly hash: string;
  /** Undefined where the block does not tell it. */
  readonly parentHash: string | undefined;
  /** All the work of its chain, where the family counts by work and the block tells it. */
  readonly work: bigint | undefined;
  /** In order: the block, then its transactions, each followed by what it logged. */
  readonly events: readonly DomainEvent[];
}
