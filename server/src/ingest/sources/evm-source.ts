import type { Log } from "../../log/index.ts";
import type { Stream } from "../../streams/index.ts";
import type { Ingester } from "../ingester.ts";
import { partitionOf } from "../partitioner.ts";
import { EvmFollower } from "./evm-follower.ts";
import { EvmNode } from "./evm-node.ts";
import { connectRpc, type JsonRpc, RpcError } from "./json-rpc.ts";
import { pause, type Tell } from "./source.ts";
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

/**
 * Follows a chain by its nodes for ever: begins where the raw topic ends, backfills, follows reorgs
 * and finality. A node that cannot be used is told of, and the next one is tried.
 */
export function startEvmSource(init: EvmSourceInit): AsyncDisposable {
  const abort = new AbortController();
  const running = follow(init, abort.signal);
  return {
    [Symbol.asyncDispose]: async () => {
      abort.abort();
      await running;
    },
  };
}

async function follow(init: EvmSourceInit, signal: AbortSignal): Promise<void> {
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
      });
    } catch (caught) {
      if (signal.aborted) return;
      const error = caught instanceof Error ? caught.message : String(caught);
      const isNode = caught instanceof RpcError;
      init.tell("warn", isNode ? "a node cannot be used" : "a source failed; trying again", {
        chain: init.chain,
        url,
        error,
      });
      // What the log has is the truth: after any other failure it is read again.
      if (!isNode) follower = undefined;
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
  const told = await readToldChain(log, stream.ingestTopic, partition, chain);
  if (told.tip !== undefined) {
    init.tell("info", "a chain goes on", { chain, number: told.tip.number });
  }
  return new EvmFollower({
    chain,
    told,
    from: init.from,
    rollbackAfterMs: ingester.options.sourceRollbackAfterMs,
    port: {
      tell: init.tell,
      now: init.now,
      publish: async (records) => {
        const accepted = records.map((record) => acceptOf(init, record));
        signal.throwIfAborted();
        await ingester.append(stream, accepted);
      },
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
  using rpc = await connectRpc(url, sourceTimeoutMs);
  const node = new EvmNode(rpc);
  const heads = watchHeads(rpc, url);
  init.tell("info", "following a node", { chain: init.chain, url });
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
        await pause(pollMs, AbortSignal.any([signal, woken.signal]));
      }
      isDue = false;
    },
  };
}
