/** The listeners of a process: how many connections a turn of the event loop lets in. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect, createServer as createNetServer } from "node:net";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { PortListeners, probe } from "./port-listeners.ts";

const CLIENTS = 64;
const isLinux = process.platform === "linux";

async function listening(told?: (failure: Error | undefined) => void) {
  const server = createServer((_request, response) => response.end("here"));
  const listeners = new PortListeners(server, told);
  const address = await PortListeners.optionsFor({ host: "127.0.0.1", port: 0 }, false);
  server.listen(address);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await listeners.begin({ ...address, port });
  return { server, listeners, port };
}

test("a turn of the event loop lets in several of those who come at once", {
  skip: !isLinux,
}, async () => {
  const { server, listeners, port } = await listening();
  let turns = 0;
  let isOver = false;
  const count = (): void => {
    turns += 1;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  const turnsWith = new Set<number>();
  let connections = 0;
  const all = Promise.withResolvers<void>();
  server.on("connection", () => {
    turnsWith.add(turns);
    connections += 1;
    if (connections === CLIENTS) all.resolve();
  });
  const clients = Array.from({ length: CLIENTS }, () => connect(port, "127.0.0.1"));
  await all.promise;
  isOver = true;
  assert.ok(turnsWith.size <= CLIENTS / 2, `${CLIENTS} came in ${turnsWith.size} turns`);
  assert.equal(await listeners.countConnections(), CLIENTS);
  listeners.close();
  for (const client of clients) client.destroy();
});

test("whichever listener took it, a request is answered", async () => {
  const { listeners, port } = await listening();
  const answers = await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      const headers = { connection: "close" };
      return await (await fetch(`http://127.0.0.1:${port}/`, { headers })).text();
    }),
  );
  assert.deepEqual(new Set(answers), new Set(["here"]));
  listeners.close();
  assert.equal(await listeners.countConnections(), 0);
});

test("a port on which somebody listens is found in use", async () => {
  const { listeners, port } = await listening();
  const address = { host: "127.0.0.1", port };
  await assert.rejects(probe(address), { code: "EADDRINUSE" });
  if (isLinux)
    await assert.rejects(PortListeners.optionsFor(address, false), { code: "EADDRINUSE" });
  listeners.close();
});

test("a port that was taken meanwhile is listened on once it is free; told once of each", {
  skip: !isLinux,
}, async () => {
  const told: (string | undefined)[] = [];
  const { server, listeners, port } = await listening((failure) =>
    told.push((failure as NodeJS.ErrnoException | undefined)?.code),
  );
  listeners.close();
  const other = createNetServer();
  other.listen(port, "127.0.0.1");
  await once(other, "listening");
  const before = server.listenerCount("listening");
  listeners.open();
  while (told.length === 0) await setTimeout(5);
  await setTimeout(1200);
  assert.ok(server.listenerCount("listening") <= before + 1, "tries leave nothing behind");
  other.close();
  while (!server.listening || told.length < 2) await setTimeout(5);
  assert.deepEqual(told, ["EADDRINUSE", undefined]);
  listeners.close();
});
