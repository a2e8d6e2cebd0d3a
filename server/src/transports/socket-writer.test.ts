/** The way of frames to a socket, directly and through the socket's own buffer. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { DirectWrite } from "./direct-write.ts";
import { SocketWriter } from "./socket-writer.ts";

/** Both ends of a connection. */
interface Pair extends AsyncDisposable {
  readonly near: Socket;
  readonly far: Socket;
}

async function pair(path?: string): Promise<Pair> {
  const server: Server = createServer();
  server.listen(path ?? { host: "127.0.0.1", port: 0 });
  await once(server, "listening");
  const address = server.address() as { readonly port: number } | string;
  const far = typeof address === "string" ? connect(address) : connect(address.port, "127.0.0.1");
  far.on("error", () => undefined);
  const [near] = (await once(server, "connection")) as [Socket];
  near.on("error", () => near.destroy());
  return {
    near,
    far,
    [Symbol.asyncDispose]: async () => {
      near.destroy();
      far.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** Numbered bytes: what is lost, repeated or out of order is seen. */
function numbered(from: number, bytes: number): Buffer {
  return Buffer.from(Uint32Array.from({ length: bytes / 4 }, (_, at) => from / 4 + at).buffer);
}

/** A writer, what its listener was told, and what came out at the other end so far. */
function writerTo({ near, far }: Pair, direct: boolean) {
  const told = { drained: 0 };
  const got: Buffer[] = [];
  far.on("data", (chunk: Buffer) => got.push(chunk));
  const writer = new SocketWriter(near, { drained: () => (told.drained += 1) }, direct);
  return { writer, told, received: () => Buffer.concat(got) };
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(2);
}

test("a socket of TCP and one of a path are written to directly on this version of Node", async () => {
  await using tcp = await pair();
  assert.ok(DirectWrite.to(tcp.near));
  const folder = mkdtempSync(join(tmpdir(), "penstock-writer-"));
  try {
    await using pipe = await pair(join(folder, "socket"));
    assert.ok(DirectWrite.to(pipe.near));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a stream that is no socket of the system is written to as usual", () => {
  assert.equal(DirectWrite.to(new PassThrough()), undefined);
});

for (const direct of [true, false]) {
  const way = direct ? "directly" : "through the socket";

  test(`${way}: a writer is idle at once when the kernel takes all`, async () => {
    await using both = await pair();
    const { writer, received } = writerTo(both, direct);
    const bytes = numbered(0, 400);
    writer.write(bytes.subarray(0, 100));
    assert.equal(writer.isIdle, true);
    writer.writeTogether(bytes.subarray(100, 200), bytes.subarray(200, 300));
    writer.write(bytes.subarray(300));
    await until(() => received().length === 400);
    assert.deepEqual(received(), bytes);
    assert.equal(writer.waitingMs(), 0);
  });

  test(`${way}: what the kernel does not take waits, keeps its order, and its leaving is told`, async () => {
    await using both = await pair();
    const { writer, told, received } = writerTo(both, direct);
    const piece = 1024 * 1024;
    let written = 0;
    for (let round = 0; round < 3; round++) {
      both.far.pause();
      let drained: number;
      // What the kernel takes after all, a little later, does not wait.
      do {
        drained = told.drained;
        // Nothing here holds what libuv has not written: a collection must not take it.
        for (; writer.isIdle; written += piece) writer.write(numbered(written, piece));
        // What may not wait goes behind, as an answer to a ping or a close does.
        writer.write(numbered(written, 4));
        written += 4;
        await sleep(10);
      } while (writer.isIdle);
      assert.ok(writer.waitingMs() > 0);
      assert.equal(told.drained, drained);
      both.far.resume();
      await until(() => told.drained > drained);
      assert.equal(writer.isIdle, true);
    }
    await until(() => received().length === written);
    assert.ok(received().equals(numbered(0, written)));
  });

  test(`${way}: what waits at the end goes out before it`, async () => {
    await using both = await pair();
    const { writer, received } = writerTo(both, direct);
    both.far.pause();
    let written = 0;
    for (; writer.isIdle; written += 65536) writer.write(numbered(written, 65536));
    writer.end();
    assert.equal(writer.isIdle, false);
    const ended = once(both.far, "end");
    both.far.resume();
    await ended;
    assert.ok(received().equals(numbered(0, written)));
    writer.write(Buffer.from("late"));
    assert.equal(writer.isIdle, false);
  });

  test(`${way}: a socket that is gone takes nothing and breaks nothing`, async () => {
    await using both = await pair();
    const { writer, told } = writerTo(both, direct);
    both.far.pause();
    while (writer.isIdle) writer.write(Buffer.alloc(65536));
    const closed = new Promise((resolve) => both.near.once("close", resolve));
    both.far.resetAndDestroy();
    await closed;
    writer.write(Buffer.from("late"));
    assert.equal(writer.isIdle, false);
    assert.equal(told.drained, 0);
  });

  test(`${way}: a writer to a socket that is destroyed in the same turn says so when it is asked`, async () => {
    await using both = await pair();
    const { writer } = writerTo(both, direct);
    both.near.destroy();
    writer.write(Buffer.from("late"));
    assert.equal(writer.isIdle, false);
  });
}
