import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { test } from "node:test";
import { guardDescriptors } from "./descriptor-guard.ts";
import { PortListeners } from "./port-listeners.ts";

/** Leaves room for ten connections beside what a process needs. */
const LIMIT = 210;

/** Whether a connection can be had. */
async function tries(port: number): Promise<Socket | undefined> {
  const socket = connect(port, "127.0.0.1");
  const connected = await Promise.race([
    once(socket, "connect").then(() => true),
    once(socket, "error").then(() => false),
  ]).catch(() => false);
  socket.on("error", () => undefined);
  return connected ? socket : undefined;
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}

async function guarded() {
  const server = createServer();
  const listeners = new PortListeners(server);
  const address = await PortListeners.optionsFor({ host: "127.0.0.1", port: 0 }, false);
  server.listen(address);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await listeners.begin({ ...address, port });
  const told: boolean[] = [];
  const unguard = guardDescriptors(server, listeners, (isOpen) => told.push(isOpen), LIMIT);
  const open = async (): Promise<Socket[]> => {
    const sockets: Socket[] = [];
    for (let made = 0; made < 10; made++) {
      const socket = await tries(port);
      assert.ok(socket !== undefined);
      sockets.push(socket);
    }
    await until(() => told.length === 1);
    return sockets;
  };
  return { server, listeners, port, told, unguard, open };
}

test("a full process closes its listener, keeps its connections, and listens again below", async () => {
  const { server, listeners, port, told, unguard, open } = await guarded();
  const sockets = await open();
  assert.equal(await tries(port), undefined, "nobody more gets in");
  assert.ok(sockets.every(({ destroyed }) => !destroyed));
  sockets.shift()?.destroy();
  await until(() => told.length === 2);
  assert.deepEqual(told, [false, true]);
  await until(() => server.listening);
  const again = await tries(port);
  assert.ok(again !== undefined);
  unguard();
  listeners.close();
  for (const socket of [again, ...sockets]) socket.destroy();
});

test("a listener that is closed to stop does not open again as its connections end", async () => {
  const { server, told, unguard, open } = await guarded();
  const sockets = await open();
  unguard();
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.deepEqual(told, [false]);
  assert.equal(server.listening, false);
});
