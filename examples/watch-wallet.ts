/**
 * Watches a wallet: npx node examples/watch-wallet.ts ETH 0xdac17f958d2ee523a2206206994597c13d831ec7
 *
 * Each transaction and token transfer from or to the address is a line. A reorganisation takes back
 * what it undoes: the line is told again, with UNDONE before it.
 */
import { Penstock, type PenstockEvent, PenstockStreamError } from "@penstock-dev/client";

interface Moved {
  readonly from: string | null;
  readonly to: string | null;
  /** Of a transaction, in the chain's main unit. */
  readonly value?: string;
  /** Of a transfer, in the token's smallest unit. */
  readonly amount?: string;
  readonly token?: string;
}

const [chain, address] = process.argv.slice(2);
if (chain === undefined || address === undefined) {
  console.error("Say which chain and which address: npx node examples/watch-wallet.ts ETH 0xdac1…");
  process.exit(1);
}
const penstock = new Penstock({ url: process.env.PENSTOCK_URL ?? "http://127.0.0.1:8080" });
const events = penstock.stream("chain-events", {
  filters: { chain, address, event_types: ["tx", "transfer"] },
  start: { ago: "10m" },
  // A wallet that is watched must miss nothing: what cannot be sent at once waits.
  whenBehind: "wait",
  onStatus: (status) => {
    if (status.state === "waiting") console.error(`waiting: ${status.reason}`);
  },
});

try {
  for await (const event of events) console.log(line(event, chain, address));
} catch (error) {
  if (!(error instanceof PenstockStreamError)) throw error;
  console.error(`${error.message} ${error.advice}`);
  process.exitCode = 1;
}

function line(event: PenstockEvent, chain: string, address: string): string {
  // A reorganisation is told to everyone who follows the chain.
  if (event.event_type === "reorg") return `${chain} was reorganised`;
  const moved = event[event.event_type] as Moved;
  const isIncoming = moved.to?.toLowerCase() === address.toLowerCase();
  const what =
    moved.token === undefined ? `${moved.value} ${chain}` : `${moved.amount} of ${moved.token}`;
  const way = isIncoming ? `in from ${moved.from}` : `out to ${moved.to}`;
  return `${event.removed === true ? "UNDONE " : ""}${what} ${way}`;
}
