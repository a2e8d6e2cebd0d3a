import type { EvmRecord, RawChainRecord } from "./raw-record.ts";

/** One line of a flat stream, by what it is; its numbers are decimal text. */
export interface FlatItem {
  readonly type: string;
  readonly members: Readonly<Record<string, unknown>>;
}

/** Types that carry what a block is made of, and those that only say it again or add to it. */
const TAKEN = new Set(["block", "transaction", "log"]);
const PASSED_OVER = new Set(["token_transfer", "trace", "contract", "token"]);

type Reviver = (name: string, value: unknown, context: { readonly source?: string }) => unknown;
/** Amounts are integers beyond what a double holds: their digits count (ECMAScript's source text). */
const digits: Reviver = (_name, value, { source }) => (typeof value === "number" ? source : value);

/**
 * A line of the flat typed stream that Ethereum exporters write, `type` being `block`,
 * `transaction`, `log` and others; undefined where it is none.
 */
export function flatStreamItem(
  line: Readonly<Record<string, unknown>>,
  text: string,
): FlatItem | undefined {
  const { type } = line;
  if (typeof type !== "string") return undefined;
  const isFlat = "item_id" in line || (type === "block" ? "parent_hash" : "block_hash") in line;
  if (!isFlat || "chain" in line) return undefined;
  if (PASSED_OVER.has(type)) return { type, members: {} };
  if (!TAKEN.has(type)) return undefined;
  return { type, members: JSON.parse(text, digits as never) as FlatItem["members"] };
}

interface Gathered {
  readonly block: FlatItem["members"];
  readonly transactions: FlatItem["members"][];
  readonly logs: FlatItem["members"][];
}

/**
 * Gathers the lines of a flat stream into blocks with their receipts. It comes in batches: some
 * blocks, then their transactions, then their logs; so a batch is whole where the next begins, or
 * where the stream ends.
 */
export class FlatStream {
  readonly #blocks = new Map<unknown, Gathered>();
  #onlyBlocks = true;
  /** Lines that came without their block, by its hash. */
  readonly #strays = new Map<unknown, number>();

  /** Takes a line; gives the blocks that are whole now. */
  add({ type, members }: FlatItem): readonly (RawChainRecord | Error)[] {
    if (type === "block") {
      const whole = this.#onlyBlocks ? [] : this.end();
      this.#onlyBlocks = true;
      this.#blocks.set(members.hash, { block: members, transactions: [], logs: [] });
      return whole;
    }
    this.#onlyBlocks = false;
    if (!TAKEN.has(type)) return [];
    const gathered = this.#blocks.get(members.block_hash);
    if (gathered === undefined)
      this.#strays.set(members.block_hash, (this.#strays.get(members.block_hash) ?? 0) + 1);
    else (type === "log" ? gathered.logs : gathered.transactions).push(members);
    return [];
  }

  /** The blocks that were gathered; in place of one that is not whole, why. */
  end(): readonly (RawChainRecord | Error)[] {
    const strays = [...this.#strays].map(
      ([hash, lines]) =>
        new Error(`${lines} lines are of the block ${String(hash)}, which is missing`),
    );
    const blocks = [...this.#blocks.values()].map((one) => blockRecord(one));
    this.#blocks.clear();
    this.#strays.clear();
    return [...blocks, ...strays];
  }
}

function blockRecord({ block, transactions, logs }: Gathered): RawChainRecord | Error {
  const name = `the block ${String(block.number)}`;
  const count = Number(block.transaction_count ?? transactions.length);
  if (transactions.length !== count)
    return new Error(`${name} has ${count} transactions, and ${transactions.length} of them came`);
  // Logs that are cut off at the end of the stream cannot be told from none; all of them can.
  if (logs.length === 0 && /[1-9a-f]/i.test(String(block.logs_bloom ?? "0x").slice(2)))
    return new Error(`${name} has logs, by its logs_bloom, and none of them came`);
  const indices = new Set(logs.map(({ log_index: index }) => Number(index)));
  const missing = logs.findIndex((_, index) => !indices.has(index));
  if (missing >= 0) return new Error(`${name} lacks the log ${missing}, though later ones came`);
  const bare = transactions.find(({ receipt_gas_used: gas }) => gas === null || gas === undefined);
  if (bare !== undefined) {
    return new Error(
      `${name} has no receipts: the transaction ${String(bare.hash)} does not say receipt_gas_used`,
    );
  }
  transactions.sort((a, b) => Number(a.transaction_index) - Number(b.transaction_index));
  const byTransaction = Map.groupBy(logs, ({ transaction_hash: hash }) => hash);
  try {
    // Whether it is a block that may be published, the schema decides.
    return {
      type: "block",
      chain: "ETH",
      block: {
        number: hex(block.number),
        hash: block.hash,
        parentHash: block.parent_hash,
        timestamp: hex(block.timestamp),
        gasUsed: hex(block.gas_used),
        gasLimit: hex(block.gas_limit),
        ...given("baseFeePerGas", block.base_fee_per_gas),
        transactions: transactions.map(transactionOf),
      },
      receipts: transactions.map((one) => receiptOf(one, byTransaction.get(one.hash) ?? [])),
    } as EvmRecord;
  } catch (caught) {
    return new Error(`${name} cannot be read: ${(caught as Error).message}`);
  }
}

function transactionOf(one: FlatItem["members"]) {
  return {
    hash: one.hash,
    from: one.from_address,
    to: one.to_address,
    value: hex(one.value),
    nonce: hex(one.nonce),
    input: one.input,
    transactionIndex: hex(one.transaction_index),
    ...given("gasPrice", one.gas_price),
  };
}

function receiptOf(one: FlatItem["members"], logs: readonly FlatItem["members"][]) {
  return {
    transactionHash: one.hash,
    transactionIndex: hex(one.transaction_index),
    ...given("status", one.receipt_status),
    gasUsed: hex(one.receipt_gas_used),
    ...given("effectiveGasPrice", one.receipt_effective_gas_price),
    contractAddress: one.receipt_contract_address ?? null,
    logs: logs.map(({ address, topics, data, log_index: index }) => ({
      address,
      topics,
      data,
      logIndex: hex(index),
    })),
  };
}

function given(name: string, value: unknown): Readonly<Record<string, string>> {
  return value === null || value === undefined ? {} : { [name]: hex(value) };
}

/** A node's hex quantity of an integer in decimal text. @throws Error where it is none */
function hex(value: unknown): string {
  if (typeof value !== "string" || !/^\d{1,78}$/.test(value))
    throw new Error(`${JSON.stringify(value)} is no whole number`);
  return `0x${BigInt(value).toString(16)}`;
}
