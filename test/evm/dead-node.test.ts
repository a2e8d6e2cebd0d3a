/** A chain's node that is not there: what the log, the metrics and `doctor` say of it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Command, type Ended } from "../cli/user.ts";

const HASH = `0x${"1".repeat(64)}`;
const GENESIS = {
  number: "0x0",
  hash: HASH,
  parentHash: `0x${"0".repeat(64)}`,
  timestamp: "0x66000000",
  gasUsed: "0x0",
  gasLimit: "0x1",
  transactions: [],
};
const ANSWERS: Readonly<Record<string, unknown>> = {
  eth_chainId: "0x7a69",
  eth_getBlockByNumber: GENESIS,
  eth_getBlockByHash: GENESIS,
  eth_getBlockReceipts: [],
};

/** A node of one block, which hangs up on everybody while it is dead. */
class Node implements AsyncDisposable {
  isDead = true;
  asked = 0;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    server.on("request", (request, response) => {
      this.asked += 1;
      if (this.isDead) {
        request.socket.destroy();
        return;
      }
      let text = "";
      request.on("data", (chunk) => {
        text += String(chunk);
      });
      request.on("end", () => {
        const { id, method } = JSON.parse(text) as { id: number; method: string };
        response.end(JSON.stringify({ jsonrpc: "2.0", id, result: ANSWERS[method] ?? null }));
      });
    });
  }

  static async start(): Promise<Node> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    return new Node(server);
  }

  /** Its address, with what a provider would take for a key. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v3/secret-key`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 10));
}

test("a node that cannot be used is told of once, and seen by metrics and doctor", async () => {
  await using node = await Node.start();
  const folder = await mkdtemp(join(tmpdir(), "penstock-node-"));
  const source = ["--source", `evm=ETH,${node.url}`];
  const server = new Command(
    [
      "serve",
      ...["--data-dir", "data", "--port", "0", "--admin-port", "0", "--deliver-drain", "0ms"],
      ...["--ingest-source-poll", "50ms", "--ingest-source-retry", "10ms"],
      ...["--ingest-source-retry-max", "20ms", ...source],
    ],
    {},
    folder,
  );
  try {
    await server.says(/Metrics: /);
    const url = / at (http:\S+)/.exec(server.out)?.[1] ?? "";
    const metrics = /Metrics: (\S+)/.exec(server.out)?.[1] ?? "";
    const doctor = async (): Promise<Ended> => {
      const args = ["doctor", "--data-dir", "data", "--admin-port", new URL(metrics).port];
      return await new Command([...args, ...source], { PENSTOCK_URL: url }, folder).ended;
    };
    const isUp = async (): Promise<boolean> => {
      const text = await (await fetch(metrics)).text();
      return text.includes('penstock_source_up{source="evm=ETH"} 1\n');
    };
    await until(() => node.asked > 10);
    assert.equal(await isUp(), false);
    const bad = await doctor();
    assert.match(bad.out, /^bad {2}ETH cannot be followed at http:\/\/127.0.0.1:\d+\/… \(.+\)$/m);
    assert.match(bad.out, /^bad {2}its source evm=ETH has no node that can be used$/m);
    assert.equal(bad.code, 1);
    node.isDead = false;
    await until(isUp);
    const well = await doctor();
    assert.match(well.out, /^ok {3}ETH can be followed at \S+ \(chain id 31337\)$/m);
    assert.match(well.out, /^ok {3}its source evm=ETH follows a node$/m);
    assert.equal(well.code, 0, well.out);
    node.isDead = true;
    await until(async () => !(await isUp()));
  } finally {
    server.child.kill("SIGTERM");
    await server.ended;
    await rm(folder, { recursive: true, force: true });
  }
  assert.doesNotMatch(server.err, /secret-key/);
  const told = server.err.match(/"msg":"(a node|following)[^"]*"/g);
  assert.deepEqual(told, [
    '"msg":"a node cannot be used"',
    '"msg":"a node can be used again"',
    '"msg":"following a node"',
  ]);
});
