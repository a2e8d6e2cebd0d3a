/**
 * Folds a chain: npx node examples/fold-chain.ts ETH
 *
 * Keeps the blocks that hold, whatever is reorganised, and tells of each change. The same few lines
 * keep balances, or rows of a database: put in what comes, take out what is undone.
 */
import { Penstock, type PenstockEvent, PenstockStreamError } from "@penstock-dev/client";

interface BlockEvent extends PenstockEvent {
  readonly block: { readonly number: number; readonly hash: string };
}

const [chain = "ETH"] = process.argv.slice(2);
const penstock = new Penstock({ url: process.env.PENSTOCK_URL ?? "http://127.0.0.1:8080" });
const blocks = new Map<string, BlockEvent["block"]>();

const events = penstock.stream<BlockEvent>("chain-events", {
  filters: { chain, event_types: ["block"] },
  start: "earliest",
  // The SDK gives the undo of a block exactly where it gave the block.
  fold: true,
  // What a gap makes void is named, so that it can be taken out too.
  onGap: (_gap, dropped) => {
    for (const id of dropped) blocks.delete(id);
  },
  onStatus: (status) => {
    if (status.state === "waiting") console.error(`waiting: ${status.reason}`);
  },
});

try {
  for await (const event of events) {
    if (event.event_type !== "block") continue;
    const { number, hash } = event.block;
    if (event.removed === true) blocks.delete(event.id);
    else blocks.set(event.id, event.block);
    const done = event.removed === true ? "takes back" : "adds";
    console.log(`${chain} ${done} ${number} ${hash}: ${blocks.size} blocks hold`);
  }
} catch (error) {
  if (!(error instanceof PenstockStreamError)) throw error;
  console.error(`${error.message} ${error.advice}`);
  process.exitCode = 1;
}
