import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createConnection, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type Moved, Wake, wakeFolder } from "./wake.ts";

const CHILD = fileURLToPath(new URL("./wake-child.ts", import.meta.url));

interface Peer extends Disposable {
  readonly wake: Wake;
  /** What it was told of since it was asked last. */
  told(): string[];
  /** Resolves when it was told of something that it has not been asked for. */
  until(what: string): Promise<void>;
}

function peer(folder: string, intervalMs = 0): Peer {
  let told: string[] = [];
  let look = (): void => undefined;
  const woken = (moved: readonly Moved[] | "anything"): void => {
    told.push(...(moved === "anything" ? ["anything"] : moved.map((one) => one.join(":"))));
    look();
  };
  const failed = (caught: unknown): void => assert.fail(String(caught));
  const wake = new Wake({ folder, intervalMs, woken, failed });
  return {
    wake,
    told: () => {
      const taken = told;
      told = [];
      return taken;
    },
    until: (what) =>
      new Promise((resolve) => {
        look = () => told.includes(what) && resolve();
        look();
      }),
    [Symbol.dispose]: () => wake[Symbol.dispose](),
  };
}

async function met(...peers: readonly Peer[]): Promise<void> {
  for (const one of peers) {
    while (one.wake.peers < peers.length - 1) await new Promise((done) => setTimeout(done, 1));
    await one.until("anything");
    one.told();
  }
}

async function withFolder(act: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "penstock-wake-"));
  try {
    await act(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

describe("waking other processes", () => {
  test("everyone is told what moved, but for who says it", () =>
    withFolder(async (folder) => {
      using a = peer(folder);
      using b = peer(folder);
      using c = peer(folder);
      await met(a, b);
      await c.until("anything");
      while (a.wake.peers + b.wake.peers + c.wake.peers < 6)
        await new Promise((done) => setTimeout(done, 1));
      a.wake.moved(4, 1);
      a.wake.moved(4, 2);
      a.wake.moved(4, 1);
      await Promise.all([b.until("4:2"), c.until("4:2")]);
      assert.deepEqual(
        b.told().filter((what) => what !== "anything"),
        ["4:1", "4:2"],
      );
      b.wake.moved(7, 0);
      await Promise.all([a.until("7:0"), c.until("7:0")]);
      assert.equal(b.told().includes("7:0"), false);
    }));

  test("what moves within an interval is told in one go", () =>
    withFolder(async (folder) => {
      using a = peer(folder, 60_000);
      using b = peer(folder);
      await met(a, b);
      a.wake.moved(1, 0);
      await b.until("1:0");
      b.told();
      for (let at = 0; at < 1000; at++) a.wake.moved(1, at % 3);
      await new Promise((done) => setTimeout(done, 50));
      assert.deepEqual(b.told(), [], "told again before the interval was over");
    }));

  test("who leaves is forgotten, and leaves no socket", () =>
    withFolder(async (folder) => {
      using a = peer(folder);
      const b = peer(folder);
      await met(a, b);
      assert.equal(readdirSync(folder).length, 2);
      b[Symbol.dispose]();
      while (a.wake.peers > 0) await new Promise((done) => setTimeout(done, 1));
      assert.equal(readdirSync(folder).length, 1);
      a.wake.moved(1, 1);
    }));

  test("the socket of one that was killed goes when another comes", () =>
    withFolder(async (folder) => {
      const child = fork(CHILD, [folder]);
      await once(child, "message");
      const left = readdirSync(folder);
      assert.equal(left.length, 1);
      await kill(child);
      assert.deepEqual(readdirSync(folder), left, "the killed process cleaned up");
      using a = peer(folder);
      while (existsSync(join(folder, left[0] ?? "")))
        await new Promise((done) => setTimeout(done, 1));
      assert.equal(a.wake.peers, 0);
    }));

  test("one that is stopped holds up nobody, and is told once it goes on", () =>
    withFolder(async (folder) => {
      const child = fork(CHILD, [folder]);
      await once(child, "message");
      let told: unknown[] = [];
      child.on("message", (message) => told.push(message));
      const until = async (what: string): Promise<void> => {
        while (!told.includes(what)) await once(child, "message");
      };
      using a = peer(folder);
      await until("anything");
      told = [];
      child.kill("SIGSTOP");
      // More than a socket's buffers hold.
      for (let round = 0; round < 3000; round++) {
        for (let at = 0; at < 50; at++) a.wake.moved(round + 1, at);
        await new Promise((done) => setImmediate(done));
      }
      assert.deepEqual(told, [], "the child was not stopped");
      child.kill("SIGCONT");
      await until("moved");
      // Whatever it could not be told one by one, it is told as a whole.
      await until("anything");
      await kill(child);
    }));

  test("strangers who write nonsense to the socket are let go", () =>
    withFolder(async (folder) => {
      using a = peer(folder);
      while (!/^[^.]+$/.test(readdirSync(folder)[0] ?? ""))
        await new Promise((done) => setTimeout(done, 1));
      const stranger = createConnection({ path: join(folder, readdirSync(folder)[0] ?? "") });
      stranger.on("error", () => undefined);
      stranger.write(Buffer.alloc(1000, "x"));
      await once(stranger, "close");
      const liar = createConnection({ path: join(folder, readdirSync(folder)[0] ?? "") });
      liar.write("../../elsewhere\n");
      await a.until("anything");
      assert.equal(a.wake.peers, 0);
      liar.destroy();
    }));

  test("a folder whose path is too long for a socket has a short one instead", () =>
    withFolder(async (folder) => {
      assert.equal(wakeFolder(folder), join(folder, "wake"));
      const long = join(folder, "d".repeat(120));
      mkdirSync(long);
      const short = wakeFolder(long);
      assert.ok(short !== undefined && Buffer.byteLength(short) < 80);
      assert.equal(wakeFolder(long), short, "all who share the log find the same");
      using a = peer(short);
      using b = peer(short);
      await met(a, b);
      b.wake.moved(1, 0);
      await a.until("1:0");
      a[Symbol.dispose]();
      b[Symbol.dispose]();
      await rm(short, { recursive: true, force: true });
    }));

  test("a socket that is nobody's of ours is not called twice as a peer", () =>
    withFolder(async (folder) => {
      const server = createServer((socket) => socket.destroy());
      server.listen(join(folder, "not-a-name"));
      await once(server, "listening");
      using a = peer(folder);
      while (readdirSync(folder).length < 2) await new Promise((done) => setTimeout(done, 1));
      assert.equal(a.wake.peers, 0);
      server.close();
    }));
});

async function kill(child: ChildProcess): Promise<void> {
  child.kill("SIGKILL");
  await once(child, "exit");
}
