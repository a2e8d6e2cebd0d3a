/** Processes and one session, whose words to each other are lost or late. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CLOSE } from "@penstock-dev/contract";
import type { Delivery } from "./delivery.ts";
import { Client, connect, grant, linked, WRITINGS, withProcesses } from "./linked-deliveries.ts";

for (const writing of WRITINGS) {
  const by = writing === "own" ? "" : "; another process writes for both";

  test(`a connection whose session was claimed elsewhere ends, though nobody told it${by}`, async () => {
    await withProcesses({ writing }, async (first, second, stored) => {
      const { id } = await first.subscribe({ stream: "orders" }, grant);
      const before = await connect(first, id);
      const after = await connect(second, id);
      assert.deepEqual([before.client.closes, after.client.closes], [[], []], "nobody was told");

      assert.ok(before.connection.session !== undefined);
      first.sessions.touch(before.connection.session);
      await first.sessions.save();
      assert.deepEqual([before.client.closes, after.client.closes], [[CLOSE.taken_over], []]);
      assert.equal(first.handover.live.size, 0);
      // Who claimed it may yet ask how far it was read.
      assert.equal(first.sessions.held(id)?.id, id);
      assert.equal((await stored(id)).holder, "second");
    });
  });

  test(`a connection that took its session over in this process stays, whatever the one before stores${by}`, async () => {
    await withProcesses({ writing }, async (first) => {
      const { id } = await first.subscribe({ stream: "orders" }, grant);
      const before = await connect(first, id);
      const replaced = before.connection.session;
      assert.ok(replaced !== undefined);
      first.sessions.touch(replaced);
      const after = await connect(first, id);
      await first.sessions.save();
      first.sessions.touch(replaced);
      await first.sessions.save();
      assert.deepEqual([before.client.closes, after.client.closes], [[CLOSE.taken_over], []]);
      assert.equal(first.handover.live.size, 1);
    });
  });
}

test("of connections that open one session at the same moment in two processes, one keeps it", async () => {
  for (let round = 0; round < 20; round++) {
    const peersOf = linked(["first", "second"]);
    const writing = WRITINGS[round % 2] ?? "own";
    await withProcesses({ writing, peersOf }, async (first, second) => {
      const { id } = await first.subscribe({ stream: "orders" }, grant);
      const clients: Client[] = [];
      const open = async (at: Delivery): Promise<void> => {
        const client = new Client();
        clients.push(client);
        // Whoever loses it is told by its close code.
        await connect(at, id, client).catch(() => undefined);
      };
      await open(first);
      await Promise.all([first, second, second, first].map(open));
      for (const one of [first, second]) await one.sessions.save();
      const kept = clients.filter(({ closes }) => closes.length === 0);
      assert.equal(kept.length, 1, JSON.stringify(clients.map(({ closes }) => closes)));
      assert.equal(first.handover.live.size + second.handover.live.size, 1);
    });
  }
});

test("a session that is ended stays so, though a connection had taken it over", async () => {
  await withProcesses({}, async (first, _second, stored) => {
    const { id } = await first.subscribe({ stream: "orders" }, grant);
    const before = await connect(first, id);
    const after = await connect(first, id);
    await first.end(after.known);
    await first.sessions.save();
    assert.deepEqual(
      [before.client.closes, after.client.closes],
      [[CLOSE.taken_over], [CLOSE.session_ended]],
    );
    await assert.rejects(stored(id), { code: "session_not_found" });
    assert.equal(first.handover.live.size, 0);
  });
});
