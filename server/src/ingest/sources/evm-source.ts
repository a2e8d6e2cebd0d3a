import type { Log } from "../../log/index.ts";
import type { Stream } from "../../streams/index.ts";
import type { Ingester } from "../ingester.ts";
import { partitionOf } from "../partitioner.ts";
import { EvmFollower } from "./evm-follower.ts";
import { EvmNode } from "./evm-node.ts";
import { connectRpc, type JsonRpc, nodeName, RpcError } from "./json-rpc.ts";
import { Outage } from "./outage.ts";
import { append, pause, type Tell } from "./source.ts";
import { readToldChain } from "./told-chain.ts";

/** What an `evm` source follows. */
export interface EvmSourceInit {
  readonly chain: string;
  /** Of nodes, `ws:`, `wss:`, `http:` or `https:`: the next one serves where one cannot. */
  readonly urls: readonly string[];
  /** The number at which an empty topic begins; undefined: the node's head. */
  readonly from: number | undefined;
  readonly stream: Stream;
  readonly ingester: Ingester;
  readonly log: Log;
  readonly tell: Tell;
  readonly now: () => number;
}

/** What an append of several blocks holds at most: memory for them, and a flush that others wait for. */
const APPEND_BYTES_MAX = 8 * 1024 * 1024;

/** A source that runs. */
export interface EvmSource extends AsyncDisposable {
  readonly chain: string;
  /** Whether a node is being followed at the moment. */
  readonly isUp: boolean;
}

/**
 * Follows a chain by its nodes for ever: begins where the raw topic ends, backfills, follows reorgs
 * and finality. A node that cannot be used is told of, and the next one is tried.
 */
export function startEvmSource(init: EvmSourceInit): EvmSource {
  const abort = new AbortController();
  const watch = new NodeWatch(init);
  const running = follow(init, watch, abort.signal);
  return {
    chain: init.chain,
    get isUp() {
      return watch.isUp;
    },
    // What waits for the node ends with the signal: only an append that is under way is waited for.
    [Symbol.asyncDispose]: async () => {
      abort.abort();
      await running;
    },
  };
}

/** Which node is followed, and what an operator is told of those that cannot be. */
class NodeWatch {
  readonly #init: EvmSourceInit;
  readonly #nodes = new Map<string, Outage>();
  readonly #source: Outage;
  #followed: string | undefined;
  isUp = false;

  constructor(init: EvmSourceInit) {
    this.#init = init;
    this.#source = new Outage(init.tell, init.now, { chain: init.chain });
  }

  worked(url: string): void {
    this.#outage(url).worked("a node can be used again");
    this.#source.worked("a source goes on");
    this.isUp = true;
    if (this.#followed === url) return;
    this.#followed = url;
    this.#init.tell("info", "following a node", { chain: this.#init.chain, url: nodeName(url) });
  }

  failed(url: string, caught: unknown): void {
    this.isUp = false;
    const error = caught instanceof Error ? caught.message : String(caught);
    if (caught instanceof RpcError) this.#outage(url).failed("a node cannot be used", error);
    else this.#source.failed("a source failed; trying again", error);
  }

  #outage(url: string): Outage {
    const { tell, now, chain } = this.#init;
    const known = this.#nodes.get(url) ?? new Outage(tell, now, { chain, url: nodeName(url) });
    this.#nodes.set(url, known);
    return known;
  }
}

async function follow(init: EvmSourceInit, watch: NodeWatch, signal: AbortSignal): Promise<void> {
  const { sourceRetryMs, sourceRetryMaxMs } = init.ingester.options;
  let failures = 0;
  let turn = 0;
  let follower: EvmFollower | undefined;
  while (!signal.aborted) {
    const url = init.urls[turn % init.urls.length] as string;
    try {
      follower ??= await makeFollower(init, signal);
      await followNode(init, follower, url, signal, () => {
        failures = 0;
        watch.worked(url);
      });
    } catch (caught) {
      if (signal.aborted) return;
      watch.failed(url, caught);
      // What the log has is the truth: after any other failure it is read again.
      if (!(caught instanceof RpcError)) follower = undefined;
    }
    const waitMs = Math.min(sourceRetryMaxMs, sourceRetryMs * 2 ** Math.min(failures, 16));
    failures += 1;
    turn += 1;
    await pause(waitMs, signal);
  }
}

async function makeFollower(init: EvmSourceInit, signal: AbortSignal): Promise<EvmFollower> {
  const { stream, ingester, log, chain } = init;
  const partition = partitionOf(chain, stream.partitions);
  const told = await readToldChain(log, stream.ingestTopic, partition, chain, signal);
  if (told.tip !== undefined) {
    init.tell("info", "a chain goes on", { chain, number: told.tip.number });
  }
  return new EvmFollower({
    chain,
    told,
    from: init.from,
    // One that is beyond what may wait for the log would wait until nobody else publishes.
    appendBytesMax: Math.min(APPEND_BYTES_MAX, ingester.options.inFlightBytesMax),
    rollbackAfterMs: ingester.options.sourceRollbackAfterMs,
    port: {
      tell: init.tell,
      now: init.now,
      signal,
      accept: (record) => acceptOf(init, record),
      publish: (records) => append(ingester, stream, records, signal),
    },
  });
}

/** A block that is not what a block must be is the node's fault. */
function acceptOf({ ingester, stream }: EvmSourceInit, record: object) {
  try {
    return ingester.accept(stream, record, undefined);
  } catch (caught) {
    throw new RpcError(
      `the node sent a block that cannot be taken: ${caught instanceof Error ? caught.message : String(caught)}`,
      { cause: caught },
    );
  }
}

async function followNode(
  init: EvmSourceInit,
  follower: EvmFollower,
  url: string,
  signal: AbortSignal,
  worked: () => void,
): Promise<void> {
  const { sourceTimeoutMs, sourcePollMs } = init.ingester.options;
  using rpc = await connectRpc(url, sourceTimeoutMs, signal);
  const node = new EvmNode(rpc);
  const heads = watchHeads(rpc, url);
  while (!signal.aborted) {
    const look = await follower.look(node);
    worked();
    // A node that lags is left where another may be further.
    if (look === "behind" && init.urls.length > 1) throw new RpcError("the node lags behind");
    if (look === "more") continue;
    await heads.next(sourcePollMs, signal);
    if (rpc.gone.aborted) throw new RpcError("the connection was closed");
  }
}

/** Waits for a new head: told by the node where it can, or looked for after a while. */
function watchHeads(rpc: JsonRpc, url: string) {
  let isDue = false;
  let wake = (): void => undefined;
  rpc.onNotification(() => {
    isDue = true;
    wake();
  });
  if (/^wss?:/.test(url)) void rpc.request("eth_subscribe", ["newHeads"]).catch(() => undefined);
  return {
    next: async (pollMs: number, signal: AbortSignal): Promise<void> => {
      if (!isDue) {
        const woken = new AbortController();
        wake = () => woken.abort();
        await pause(pollMs, signal, woken.signal);
      }
      isDue = false;
    },
  };
}
