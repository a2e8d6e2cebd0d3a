/**
 * Raw records processed a second, and CPU per record: posts, and whole Ethereum blocks with their
 * receipts. One process, one partition, from a log on disk to a log on disk.
 *
 * `node bench/process.ts [--posts 40000] [--blocks 400]`
 */
import { parseArgs } from "node:util";
import { chainEvents } from "@penstock-dev/domain-chain-events";
import { tweets } from "@penstock-dev/domain-tweets";
import type { NewRecord } from "../server/src/log/index.ts";
import { temporaryLog } from "../server/src/log/temporary-log.ts";
import { defaultsOf } from "../server/src/option.ts";
import { processOptions, startProcessor } from "../server/src/process/index.ts";
import { ensureTopics, loadStreams } from "../server/src/streams/index.ts";
import { machine } from "./process-cpu.ts";

const { values } = parseArgs({
  options: {
    posts: { type: "string", default: "40000" },
    blocks: { type: "string", default: "400" },
  },
});
const TRANSACTIONS = 150;
const streams = loadStreams(
  undefined,
  new Map([
    ["tweets", tweets],
    ["chain-events", chainEvents],
  ]),
  1,
);

async function measure(name: string, values: readonly unknown[]): Promise<void> {
  const stream = streams.get(name);
  if (stream === undefined) throw new Error(`there is no stream ${name}`);
  await using made = await temporaryLog();
  const { log } = made;
  await ensureTopics(log, stream, {});
  const records = values.map((value): NewRecord => stream.ingest.accept(value, { nowMs: 0 }));
  let bytes = 0;
  for (const { value } of records) bytes += value.length;
  for (let at = 0; at < records.length; at += 50)
    await log.append(stream.ingestTopic, 0, records.slice(at, at + 50));
  const startMs = performance.now();
  const cpu = process.cpuUsage();
  const processor = startProcessor({
    log,
    stream,
    options: defaultsOf(processOptions),
    now: Date.now,
    report: ({ kind, reason }) => {
      throw new Error(`${kind}: ${reason}`);
    },
  });
  if (processor === undefined) throw new Error(`${name} has no process`);
  // Lag falls when a batch is flushed: what it says is done is on disk.
  while ((await processor.lag()).some((lag) => lag > 0))
    await new Promise((resolve) => setTimeout(resolve, 1));
  const seconds = (performance.now() - startMs) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  await processor[Symbol.asyncDispose]();
  const [events = 0] = await log.heads(stream.topic);
  if (events < records.length * 0.9) throw new Error(`${events} events of ${records.length}`);
  const rate = Math.round(records.length / seconds).toLocaleString("en");
  const micros = ((user + system) / records.length).toFixed(1);
  const each = ((user + system) / events).toFixed(1);
  const megabytes = (bytes / seconds / 1e6).toFixed(1);
  console.log(
    `${name}: ${rate} raw records/s (${megabytes} MB/s), ${micros} µs of CPU a record; ${events} events, ${each} µs each`,
  );
}

function posts(count: number): unknown[] {
  return Array.from({ length: count }, (_, number) => ({
    id: `b${number}`,
    user_id: `author${number % 1000}`,
    text: `A post of usual length, number ${number}, about what moves today #bench ${"and so on ".repeat(9)}`,
    timestamp: "2026-01-01T00:00:00Z",
  }));
}

const hex = (value: number, digits: number): string =>
  `0x${value.toString(16).padStart(digits, "0")}`;

/** A chain of blocks whose every other transaction is a token's transfer. */
function blocks(count: number): unknown[] {
  const transfer = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";
  const token = "0xdac17f958d2ee523a2206206994597c13d831ec7";
  return Array.from({ length: count }, (_, number) => {
    const places = Array.from({ length: TRANSACTIONS }, (_, at) => at);
    const transactions = places.map((at) => ({
      hash: hex(1 + number * TRANSACTIONS + at, 64),
      from: hex(1 + (at % 60), 40),
      to: at % 2 === 0 ? token : hex(7 + at, 40),
      value: hex(at * 10 ** 12, 1),
      nonce: hex(number, 1),
      input: at % 2 === 0 ? `0xa9059cbb${"0".repeat(128)}` : "0x",
      transactionIndex: hex(at, 1),
      gasPrice: "0x4a817c800",
    }));
    const receipts = transactions.map(({ hash, transactionIndex }, at) => ({
      transactionHash: hash,
      transactionIndex,
      status: "0x1",
      gasUsed: "0xfde8",
      contractAddress: null,
      logs:
        at % 2 === 0
          ? [
              {
                address: token,
                topics: [transfer, hex(1 + (at % 60), 64), hex(2 + (at % 60), 64)],
                data: hex(1000 + at, 64),
                logIndex: hex(at / 2, 1),
              },
            ]
          : [],
    }));
    const block = {
      number: hex(1000 + number, 1),
      hash: hex(2 ** 40 + number, 64),
      parentHash: hex(2 ** 40 + number - 1, 64),
      timestamp: hex(1_700_000_000 + number * 12, 1),
      gasUsed: "0x1",
      gasLimit: "0x1c9c380",
      transactions,
    };
    return { type: "block", chain: "ETH", block, receipts };
  });
}

console.log(machine());
await measure("tweets", posts(Number(values.posts)));
await measure("chain-events", blocks(Number(values.blocks)));
