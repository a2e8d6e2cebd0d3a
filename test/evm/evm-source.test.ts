/** The `evm` source against a real node, from the node's block to the client's event. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { loadConfig } from "../../server/src/config/index.ts";
import { type RunningServer, serve } from "../../server/src/serve.ts";
import { Anvil, anvilProgram } from "./anvil.ts";

const program = anvilProgram();
const ALICE = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
const BOB = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8";
const TRANSFER = "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";

/**
 * A token of ten instructions: whoever calls it with (to, amount) in two words of data has moved
 * that much to `to`, and the log says so.
 */
const TOKEN = (() => {
  const runtime = [
    "602035600052", // amount at 0x20 of the input, to memory 0
    "600035", // to
    "33", // the caller
    `7f${TRANSFER}`, // Transfer(address,address,uint256)
    "60206000a3", // log3: memory 0..32, with those topics
    "00",
  ].join("");
  const size = (runtime.length / 2).toString(16).padStart(2, "0");
  return `0x60${size}600c60003960${size}6000f3${runtime}`;
})();

interface Payload {
  readonly number?: number;
  readonly hash?: string;
  readonly token?: string;
  readonly from?: string;
  readonly to?: string;
  readonly amount?: string;
}

interface Event {
  readonly event_type: string;
  readonly id: string;
  readonly removed?: true;
  readonly block?: Payload;
  readonly transfer?: Payload;
  readonly tx?: Payload;
}

/** What a client that reads everything from the beginning holds, after folding. */
class Folded {
  readonly held = new Map<string, Event>();
  reorgs = 0;
  readonly problems: string[] = [];

  take(event: Event): void {
    if (event.event_type === "reorg") this.reorgs += 1;
    else if (event.removed === true) {
      if (!this.held.delete(event.id)) this.problems.push(`${event.id} undone, but not held`);
    } else {
      if (this.held.has(event.id)) this.problems.push(`${event.id} given twice`);
      this.held.set(event.id, event);
    }
  }

  hashes(): string[] {
    const blocks = [...this.held.values()].flatMap(({ block, event_type }) =>
      event_type === "block" && block !== undefined ? [block] : [],
    );
    return blocks
      .sort((a, b) => Number(a.number) - Number(b.number))
      .map(({ hash }) => String(hash));
  }
}

/** Reads a stream from its beginning until it folds to what is wanted. */
async function foldUntil(
  url: string,
  isDone: (folded: Folded) => boolean,
  what: string,
): Promise<Folded> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), 20_000);
  const folded = new Folded();
  try {
    const response = await fetch(`${url}/v1/chain-events/live?since=earliest&when_behind=wait`, {
      signal: abort.signal,
    });
    let rest = "";
    for await (const chunk of response.body ?? []) {
      const lines = (rest + Buffer.from(chunk as Uint8Array).toString()).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (line.includes('"event_type"')) folded.take(JSON.parse(line) as Event);
      }
      if (isDone(folded)) return folded;
    }
  } catch (caught) {
    if (!abort.signal.aborted) throw caught;
  } finally {
    clearTimeout(timer);
    abort.abort();
  }
  throw new Error(`never came to ${what}; it has ${folded.hashes().length} blocks`);
}

async function start(dataDir: string, sources: string): Promise<RunningServer> {
  const flags = {
    "data-dir": dataDir,
    port: "0",
    "admin-port": "0",
    "log-level": process.env.PENSTOCK_DEBUG === undefined ? "silent" : "info",
    "deliver-drain": "0ms",
    "ingest-source-poll": "100ms",
    "ingest-source-retry": "50ms",
    "ingest-source-retry-max": "200ms",
    "ingest-source-timeout": "2s",
    "ingest-source-rollback-after": "400ms",
    sources,
  };
  return await serve(loadConfig({ flags, env: {}, yaml: undefined, yamlName: "penstock.yaml" }));
}

/** Waits until the stream folds to the node's chain, from some number on. */
async function expectChain(server: RunningServer, anvil: Anvil, from: number): Promise<Folded> {
  const chain = (await anvil.chain()).filter(({ number }) => number >= from);
  const hashes = chain.map(({ hash }) => hash).join();
  const folded = await foldUntil(
    server.url,
    (now) => now.hashes().join() === hashes,
    `the node's chain of ${chain.length} blocks`,
  );
  assert.deepEqual(folded.problems, []);
  const transactions = [...folded.held.values()].flatMap(({ event_type, tx }) =>
    event_type === "tx" ? [String(tx?.hash)] : [],
  );
  assert.deepEqual(transactions.sort(), chain.flatMap((block) => block.transactions).sort());
  return folded;
}

async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "penstock-evm-"));
  try {
    await body(folder);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

function transferData(to: string, amount: number): string {
  return `0x${to.slice(2).padStart(64, "0")}${amount.toString(16).padStart(64, "0")}`;
}

const options = { skip: program === undefined ? "no anvil on this machine" : false };

for (const transport of ["ws", "http"] as const) {
  test(
    `a chain is followed over ${transport}: blocks, transfers, reorgs, restarts`,
    options,
    async () => {
      await withFolder(async (folder) => {
        await using anvil = await Anvil.start(program as string, join(folder, "state.json"));
        const source = `evm=ETH,${transport === "ws" ? anvil.socketUrl : anvil.url},from=0`;
        const dataDir = join(folder, "data");
        const send = async (transaction: object): Promise<string> =>
          await anvil.call("eth_sendTransaction", { from: ALICE, gas: "0x100000", ...transaction });

        const deployed = await send({ data: TOKEN });
        await anvil.mine(3);
        let server = await start(dataDir, source);
        try {
          await expectChain(server, anvil, 0);
          const receipt = await anvil.call<{ contractAddress: string }>(
            "eth_getTransactionReceipt",
            deployed,
          );
          const token = receipt.contractAddress.toLowerCase();
          await send({ to: token, data: transferData(BOB, 1234) });
          await send({ to: BOB, value: "0xde0b6b3a7640000" });
          await anvil.mine();
          const folded = await expectChain(server, anvil, 0);
          const transfers = [...folded.held.values()].filter(
            (one) => one.event_type === "transfer",
          );
          assert.deepEqual(
            transfers.map(({ transfer }) => [
              transfer?.token,
              transfer?.from,
              transfer?.to,
              transfer?.amount,
            ]),
            [[token, ALICE, BOB, "1234"]],
          );

          for (const depth of [1, 3, 8]) {
            await send({ to: token, data: transferData(BOB, depth) });
            await anvil.mine(depth + 2);
            await expectChain(server, anvil, 0);
            await anvil.call("anvil_reorg", depth, []);
            await anvil.mine();
            const after = await expectChain(server, anvil, 0);
            assert.ok(after.reorgs > 0, "the reorg is told");
          }

          await anvil.call("anvil_rollback", 4);
          await expectChain(server, anvil, 0);
          await anvil.mine(2);
          await expectChain(server, anvil, 0);

          await server[Symbol.asyncDispose]();
          await send({ to: token, data: transferData(BOB, 77) });
          await anvil.mine(5);
          server = await start(dataDir, source);
          await expectChain(server, anvil, 0);

          await anvil.stop();
          await anvil.start();
          await send({ to: token, data: transferData(BOB, 78) });
          await anvil.mine(2);
          await expectChain(server, anvil, 0);
        } finally {
          await server[Symbol.asyncDispose]();
        }
      });
    },
  );
}

test("a node that answers nonsense is left for the next one", options, async () => {
  await withFolder(async (folder) => {
    await using anvil = await Anvil.start(program as string, join(folder, "state.json"));
    // A node that starts again makes its genesis anew: the chain is compared from behind it.
    await anvil.mine(2);
    const nonsense = [
      "no json at all",
      "[]",
      '{"jsonrpc":"2.0","id":1}',
      '{"jsonrpc":"2.0","id":1,"result":{"number":"0x1","hash":"0x12","parentHash":"0x1"}}',
      '{"jsonrpc":"2.0","id":1,"result":"0x10"}',
      '{"jsonrpc":"2.0","id":1,"error":{"message":"out of order"}}',
    ];
    let asked = 0;
    const liar = createServer((_, response) => {
      response.end(nonsense[asked % nonsense.length]);
      asked += 1;
    });
    await new Promise<void>((resolve) => liar.listen(0, "127.0.0.1", resolve));
    const liarUrl = `http://127.0.0.1:${(liar.address() as AddressInfo).port}`;
    const source = `evm=ETH,${liarUrl},${anvil.socketUrl},from=1`;
    const server = await start(join(folder, "data"), source);
    try {
      await expectChain(server, anvil, 1);
      for (let round = 0; round < nonsense.length; round++) {
        // Each restart of the node sends the source to the liar first.
        await anvil.stop();
        await anvil.start();
        await anvil.mine();
        await expectChain(server, anvil, 1);
      }
      assert.ok(asked > nonsense.length, `the liar was asked ${asked} times`);
    } finally {
      await server[Symbol.asyncDispose]();
      liar.close();
    }
  });
});
