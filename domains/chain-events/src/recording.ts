/**
 * The raw records that a line of a known recording stands for: `{lib_num, block, receipts}` of an
 * EVM chain, or a block in the shape of `getblock` with verbosity 2. Where a recording jumps, the
 * block says that it is the head. Undefined where the line has another shape.
 *
 * @param memory what was seen of the recording: hashes by number, and the last block
 */
export function fromChainRecording(
  line: unknown,
  memory: Map<string, unknown>,
): readonly unknown[] | undefined {
  if (typeof line !== "object" || line === null || "type" in line) return undefined;
  const value = line as Record<string, unknown>;
  if (isObject(value.block) && Array.isArray(value.receipts))
    return evmLine(value, value.block, memory);
  if (typeof value.height === "number" && Array.isArray(value.tx)) return utxoLine(value, memory);
  return undefined;
}

function evmLine(
  line: Record<string, unknown>,
  block: Record<string, unknown>,
  memory: Map<string, unknown>,
): readonly unknown[] {
  const jumps = memory.has("last") && memory.get("last") !== block.parentHash;
  memory.set("last", block.hash);
  memory.set(`number ${Number(block.number)}`, block.hash);
  const records: unknown[] = [
    {
      type: "block",
      chain: "ETH",
      block,
      receipts: line.receipts,
      ...(jumps ? { head: true } : {}),
    },
  ];
  const final = line.lib_num;
  const hash = memory.get(`number ${Number(final)}`);
  if (typeof final === "number" && hash !== undefined && memory.get("final") !== final) {
    memory.set("final", final);
    records.push({ type: "final", chain: "ETH", number: final, hash });
  }
  return records;
}

function utxoLine(
  block: Record<string, unknown>,
  memory: Map<string, unknown>,
): readonly unknown[] {
  const jumps = memory.has("last") && memory.get("last") !== block.previousblockhash;
  memory.set("last", block.hash);
  return [{ type: "block", chain: "BTC", block, ...(jumps ? { head: true } : {}) }];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
