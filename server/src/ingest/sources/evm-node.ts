import { type JsonRpc, RpcError } from "./json-rpc.ts";

/** A block as a chain's node tells it. */
export interface NodeBlock {
  readonly number: number;
  readonly hash: string;
  readonly parentHash: string;
}

/** A block with all that a raw record of it holds. */
export interface FullBlock extends NodeBlock {
  readonly block: object;
  readonly receipts: readonly object[];
}

/** Asks a node for blocks, and believes nothing that does not fit together. */
export class EvmNode {
  readonly #rpc: JsonRpc;
  #hasBlockReceipts = true;

  constructor(rpc: JsonRpc) {
    this.#rpc = rpc;
  }

  /** The newest block. @throws RpcError */
  async head(): Promise<NodeBlock> {
    const head = await this.#header("latest");
    if (head === undefined) throw new RpcError("the node has no latest block");
    return head;
  }

  /** The block at a number of the node's chain; undefined where it has none. @throws RpcError */
  async at(number: number): Promise<NodeBlock | undefined> {
    const found = await this.#header(hex(number));
    if (found !== undefined && found.number !== number) {
      throw new RpcError(`the node was asked for block ${number}, and sent ${found.number}`);
    }
    return found;
  }

  /** The newest block that the node calls final; undefined where it knows none. */
  async finalized(): Promise<NodeBlock | undefined> {
    try {
      return await this.#header("finalized");
    } catch (caught) {
      // Some chains have no such notion, and their nodes refuse the question.
      if (caught instanceof RpcError && caught.message.includes("refused")) return undefined;
      throw caught;
    }
  }

  /**
   * A block with its transactions and receipts; undefined where the node does not have it any more.
   *
   * @throws RpcError where what the node says does not fit together
   */
  async full(hash: string): Promise<FullBlock | undefined> {
    const block = await this.#rpc.request("eth_getBlockByHash", [hash, true]);
    if (block === null) return undefined;
    const header = headerOf(block);
    if (header.hash !== hash) {
      throw new RpcError(`the node was asked for block ${hash}, and sent ${header.hash}`);
    }
    const { transactions } = block as { readonly transactions?: unknown };
    if (!Array.isArray(transactions)) throw new RpcError(`block ${hash} has no transactions`);
    const receipts = await this.#receipts(hash, transactions as readonly { hash?: unknown }[]);
    return receipts === undefined ? undefined : { ...header, block: block as object, receipts };
  }

  async #receipts(
    hash: string,
    transactions: readonly { readonly hash?: unknown }[],
  ): Promise<readonly object[] | undefined> {
    let receipts: unknown;
    if (this.#hasBlockReceipts) {
      try {
        receipts = await this.#rpc.request("eth_getBlockReceipts", [hash]);
      } catch (caught) {
        if (!(caught instanceof RpcError) || !caught.message.includes("refused")) throw caught;
        this.#hasBlockReceipts = false;
      }
    }
    if (!this.#hasBlockReceipts) {
      receipts = await Promise.all(
        transactions.map((transaction) =>
          this.#rpc.request("eth_getTransactionReceipt", [transaction.hash]),
        ),
      );
    }
    if (receipts === null) return undefined;
    if (!Array.isArray(receipts) || receipts.some((one) => typeof one !== "object")) {
      throw new RpcError(`the receipts of block ${hash} are no list`);
    }
    if (receipts.includes(null)) return undefined;
    const found = receipts as readonly { readonly blockHash?: unknown }[];
    if (found.some(({ blockHash }) => String(blockHash).toLowerCase() !== hash)) return undefined;
    if (found.length !== transactions.length) {
      throw new RpcError(
        `block ${hash} has ${transactions.length} transactions and ${found.length} receipts`,
      );
    }
    return found;
  }

  async #header(block: string): Promise<NodeBlock | undefined> {
    const found = await this.#rpc.request("eth_getBlockByNumber", [block, false]);
    return found === null ? undefined : headerOf(found);
  }
}

function headerOf(value: unknown): NodeBlock {
  const { number, hash, parentHash } = (value ?? {}) as {
    readonly number?: unknown;
    readonly hash?: unknown;
    readonly parentHash?: unknown;
  };
  const isHash = (text: unknown): text is string =>
    typeof text === "string" && /^0x[0-9a-fA-F]{64}$/.test(text);
  if (
    typeof number !== "string" ||
    !/^0x[0-9a-fA-F]{1,13}$/.test(number) ||
    !isHash(hash) ||
    !isHash(parentHash)
  ) {
    throw new RpcError("the node sent what is no block");
  }
  return {
    number: Number(number),
    hash: hash.toLowerCase(),
    parentHash: parentHash.toLowerCase(),
  };
}

function hex(number: number): string {
  return `0x${number.toString(16)}`;
}
