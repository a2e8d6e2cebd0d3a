/**
 * Watches a wallet: npx node examples/watch-wallet.ts ETH 0xdac17f958d2ee523a2206206994597c13d831ec7
 *
 * Each transaction and token transfer from or to the address is a line. A reorganisation takes back
 * what it undoes: the line is told again, with UNDONE before it.
 */
import { Penstock, type PenstockEvent } from "@penstock-dev/client";

interface Moved {
  readonly from: string | null;
  readonly to: string | null;
  /** Of a transaction, in the chain's main unit. */
  readonly value?: string;
  /** Of a transfer, in the token's smallest unit. */
  readonly amount?: string;
  readonly token?: string;
}

const [chain = "ETH", address = ""] = process.argv.slice(2);
const penstock = new Penstock({ url: process.env.PENSTOCK_URL ?? "http://127.0.0.1:8080" });
const events = penstock.stream("chain-events", {
  filters: { chain, address, event_types: ["tx", "transfer"] },
  start: { ago: "10m" },
  // A wallet that is watched must miss nothing: what cannot be sent at once waits.
  whenBehind: "wait",
});

for await (const event of events) console.log(line(event));

function line(event: PenstockEvent): string {
  // A reorganisation is told to everyone who follows the chain.
  if (event.event_type === "reorg") return `${chain} was reorganised`;
  const moved = event[event.event_type] as Moved;
  const isIncoming = moved.to?.toLowerCase() === address.toLowerCase();
  const what =
    moved.token === undefined ? `${moved.value} ${chain}` : `${moved.amount} of ${moved.token}`;
  const way = isIncoming ? `in from ${moved.from}` : `out to ${moved.to}`;
  return `${event.removed === true ? "UNDONE " : ""}${what} ${way}`;
}
