/** A session on its way from one connection to another: what becomes of it where one of them fails. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { CLOSE, PenstockError } from "@penstock-dev/contract";
import type { Delivery } from "./delivery.ts";
import { Client, connect, grant, WRITINGS, withProcesses } from "./linked-deliveries.ts";
import { noPeers } from "./peers.ts";
import { LOST_CODE } from "./session.ts";
import { StreamConnection } from "./stream-connection.ts";

/** Holds a process between the claim of a session and its use: resolves once one is there. */
function heldBeforeUse(at: Delivery): {
  readonly claimed: Promise<void>;
  readonly goOn: () => void;
} {
  const claimed = Promise.withResolvers<void>();
  const going = Promise.withResolvers<void>();
  const find = at.find.bind(at);
  at.find = async (...given) => {
    claimed.resolve();
    await going.promise;
    return await find(...given);
  };
  return { claimed: claimed.promise, goOn: going.resolve };
}

/** Connects, and is gone again once the session is claimed and before it is used. */
async function goWhileOpening(at: Delivery, id: string): Promise<void> {
  const held = heldBeforeUse(at);
  const connection = new StreamConnection(at, new Client(), grant);
  const session = await at.sessions.get(id, grant.clientId);
  const opening = connection.open(async () => ({ session }));
  await held.claimed;
  connection.closed(LOST_CODE);
  held.goOn();
  await opening;
}

for (const writing of WRITINGS) {
  test(`a change that was answered while a connection opened holds; sessions written by ${writing}`, async () => {
    await withProcesses({ writing }, async (first, _second, stored) => {
      const { id } = await first.subscribe({ stream: "orders" }, grant);
      const held = heldBeforeUse(first);
      const client = new Client();
      const opening = connect(first, id, client);
      await held.claimed;
      const known = await first.sessions.get(id, grant.clientId);
      const changing = first.change(known, { filters: { kind: ["a"] } }, grant);
      await Promise.race([changing, setTimeout(50)]);
      held.goOn();
      await opening;
      const rules = [{ kind: ["a"] }];
      assert.deepEqual((await changing).rules, rules);
      await first.sessions.save();
      assert.deepEqual((await stored(id)).rules, rules);
      assert.match(
        client.text.trimEnd().split("\n").at(-1) ?? "",
        /"rules":\[\{"kind":\["a"\]\}\]/,
      );
    });
  });

  test(`a connection that goes while it opens leaves the one before it alone; sessions written by ${writing}`, async () => {
    await withProcesses({ writing }, async (first, _second, stored) => {
      const { id } = await first.subscribe({ stream: "orders" }, grant);
      const before = await connect(first, id);
      await goWhileOpening(first, id);
      await first.sessions.save();
      assert.deepEqual(before.client.closes, []);
      assert.equal(first.handover.live.get(id), before.connection);

      before.connection.closed(CLOSE.normal);
      await first.sessions.save();
      await first.sessions.claim(id);
      assert.equal((await stored(id)).disconnectCode, CLOSE.normal, "it stores what becomes of it");
    });
  });
}

test("a connection that goes while it opens, alone, leaves a session that expires in its time", async () => {
  await withProcesses({}, async (first, _second, stored) => {
    const { id } = await first.subscribe({ stream: "orders" }, grant);
    await goWhileOpening(first, id);
    while ((await stored(id)).expiresAtMs === undefined) await setTimeout(2);
    assert.equal((await stored(id)).disconnectCode, LOST_CODE);
  });
});

test("a connection that is closed as it begins is stored with its own code", async () => {
  await withProcesses({}, async (first, _second, stored) => {
    const { id } = await first.subscribe({ stream: "orders" }, grant);
    const connected = first.sessions.connected.bind(first.sessions);
    let connection: StreamConnection | undefined;
    first.sessions.connected = (session) => {
      connected(session);
      connection?.closed(CLOSE.normal);
    };
    connection = new StreamConnection(first, new Client(), grant);
    await connection.open(async () => ({ session: await first.sessions.get(id, grant.clientId) }));
    await first.sessions.claim(id);
    assert.equal((await stored(id)).disconnectCode, CLOSE.normal);
  });
});

test("a session is handed over though its holder does not answer", async () => {
  const peersOf = (name: string) => ({
    ...noPeers(name),
    ask: async () => {
      throw new PenstockError("storage_unavailable", "The process did not answer.");
    },
  });
  await withProcesses({ peersOf }, async (first, second, stored) => {
    const { id } = await first.subscribe({ stream: "orders" }, grant);
    await connect(first, id);
    const after = await connect(second, id);
    await second.sessions.save();
    assert.deepEqual(after.client.closes, []);
    assert.equal((await stored(id)).holder, "second");
  });
});
