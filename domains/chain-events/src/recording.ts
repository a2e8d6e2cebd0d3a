import { FlatStream, flatStreamItem } from "./flat-stream.ts";
import type { RawChainRecord } from "./raw-record.ts";

/** Blocks of one chain back to which a file's own links are known: further back it has jumped. */
const LINKS_MAX = 1024;

/** Members of a block by which it names itself and its parent. */
interface Link {
  readonly hash: unknown;
  readonly parent: unknown;
}

/** What was seen of a recording. */
class Recording {
  readonly flat = new FlatStream();
  /** By chain: the hashes of its last blocks, with their numbers, oldest first. */
  readonly #links = new Map<string, Map<unknown, number>>();
  #final: number | undefined;

  /** Marks a block of which nothing in the recording is the parent: its first, and after a jump. */
  marked<R extends object>(record: R, chain: string, { hash, parent }: Link, number: number): R {
    const links = this.#links.get(chain) ?? new Map<unknown, number>();
    this.#links.set(chain, links);
    const connects = links.has(hash) || links.has(parent);
    links.set(hash, number);
    if (links.size > LINKS_MAX) links.delete(links.keys().next().value);
    return connects || "head" in record || "start" in record ? record : { ...record, start: true };
  }

  /** The hash of a block so far back; once for each number. */
  newFinal(chain: string, number: unknown): string | undefined {
    if (number === this.#final) return undefined;
    for (const [hash, at] of this.#links.get(chain) ?? []) {
      if (at !== number) continue;
      this.#final = at;
      return String(hash);
    }
    return undefined;
  }
}

/**
 * The raw records that a line of a known recording stands for: raw records as they are;
 * `{lib_num, block, receipts}` of an EVM chain; a block in the shape of `getblock` with verbosity 2;
 * a fork `{common_ancestor, stale_branch, canonical_branch}`, as its blocks may have arrived; and a
 * flat stream of blocks, transactions and logs, whose blocks come when all of them is there. A block
 * that begins the recording, or stands behind a jump in it, says so. Undefined where the line has
 * another shape.
 *
 * @param memory what was seen of the recording
 * @param text the line as it stands: its integers may be beyond what a double holds
 */
export function fromChainRecording(
  line: unknown,
  memory: Map<string, unknown>,
  text: string,
): readonly unknown[] | undefined {
  if (!isObject(line)) return undefined;
  const recording = recordingOf(memory);
  const item = flatStreamItem(line, text);
  if (item !== undefined) return started(recording, recording.flat.add(item));
  if (line.type === "block" && typeof line.chain === "string" && isObject(line.block))
    return [recording.marked(line, line.chain, linkOf(line.block), numberOf(line.block))];
  if ("type" in line) return undefined;
  if (isObject(line.block) && Array.isArray(line.receipts))
    return evmLine(line, line.block, recording);
  if (typeof line.height === "number" && Array.isArray(line.tx))
    return [utxoRecord(recording, line)];
  if (isObject(line.common_ancestor) && isList(line.stale_branch) && isList(line.canonical_branch))
    return forkLine(recording, line.common_ancestor, [line.stale_branch, line.canonical_branch]);
  return undefined;
}

/** What a recording still has to give when no more lines come. */
export function endOfChainRecording(memory: Map<string, unknown>): readonly unknown[] {
  const recording = recordingOf(memory);
  return started(recording, recording.flat.end());
}

function recordingOf(memory: Map<string, unknown>): Recording {
  const known = memory.get("recording");
  if (known instanceof Recording) return known;
  const recording = new Recording();
  memory.set("recording", recording);
  return recording;
}

/** Marks those of a flat stream's blocks that begin something; what is refused stays as it is. */
function started(recording: Recording, found: readonly (RawChainRecord | Error)[]) {
  return found.map((one) =>
    one instanceof Error || one.type !== "block"
      ? one
      : recording.marked(one, one.chain, linkOf(one.block), numberOf(one.block)),
  );
}

function evmLine(
  { receipts, lib_num: final }: Readonly<Record<string, unknown>>,
  block: Readonly<Record<string, unknown>>,
  recording: Recording,
): readonly unknown[] {
  const chain = "ETH";
  const record = { type: "block", chain, block, receipts };
  const marked = recording.marked(record, chain, linkOf(block), numberOf(block));
  const hash = typeof final === "number" ? recording.newFinal(chain, final) : undefined;
  return hash === undefined ? [marked] : [marked, { type: "final", chain, number: final, hash }];
}

function utxoRecord(recording: Recording, block: Readonly<Record<string, unknown>>) {
  const record = { type: "block", chain: "BTC", block };
  return recording.marked(record, "BTC", linkOf(block), numberOf(block));
}

/**
 * A fork as its blocks may have arrived: the common ancestor, the branch that went stale, and the
 * one that overtook it. Headers are all that is recorded, and of some not even the time.
 */
function forkLine(
  recording: Recording,
  ancestor: Readonly<Record<string, unknown>>,
  branches: readonly (readonly Readonly<Record<string, unknown>>[])[],
): readonly unknown[] {
  const record = (header: Readonly<Record<string, unknown>>, previous: unknown) => {
    const { hash, height, time } = header;
    const parent = header.previousblockhash ?? previous;
    return utxoRecord(recording, {
      hash,
      height,
      ...(parent === undefined ? {} : { previousblockhash: parent }),
      ...(time === undefined ? {} : { time }),
    });
  };
  const branch = (headers: readonly Readonly<Record<string, unknown>>[]) =>
    headers.map((header, at) => record(header, headers[at - 1]?.hash ?? ancestor.hash));
  return [record(ancestor, undefined), ...branches.flatMap(branch)];
}

function linkOf(block: object): Link {
  const members = block as Readonly<Record<string, unknown>>;
  return { hash: members.hash, parent: members.parentHash ?? members.previousblockhash };
}

function numberOf(block: object): number {
  const { number, height } = block as Readonly<Record<string, unknown>>;
  return Number(number ?? height);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function isList(value: unknown): value is readonly Record<string, unknown>[] {
  return Array.isArray(value) && value.every(isObject);
}
