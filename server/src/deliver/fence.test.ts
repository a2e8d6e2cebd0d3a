/** Two processes and one session, whose words to each other are lost. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { CLOSE } from "@penstock-dev/contract";
import { accessOptions, openGrant } from "../access/index.ts";
import { temporaryLog } from "../log/temporary-log.ts";
import { defaultsOf } from "../option.ts";
import { ensureTopics, loadStreams } from "../streams/index.ts";
import { Delivery } from "./delivery.ts";
import { openSessionStore } from "./embedded-session-store.ts";
import { deliverOptions } from "./options.ts";
import type { Encoding, Outlet } from "./outlet.ts";
import { noPeers, type Peers } from "./peers.ts";
import { StreamConnection } from "./stream-connection.ts";

const encoding: Encoding = {
  name: "lines",
  slot: 0,
  event: (body) => Buffer.from(`${body}\n`),
  control: (_type, json) => Buffer.from(`${json}\n`),
};

class Client implements Outlet {
  readonly encoding = encoding;
  readonly closes: number[] = [];

  room(): number {
    return 100_000;
  }

  unreadMs(): number {
    return 0;
  }

  write(): void {}

  close(code: number): void {
    this.closes.push(code);
  }
}

/** Processes that hear each other, a moment later. */
function linked(names: readonly string[]): (name: string) => Peers {
  const answers = new Map<string, Parameters<Peers["serve"]>[0]>();
  return (name) => {
    assert.ok(names.includes(name));
    return {
      self: name,
      ask: async (holder, request) => {
        await setTimeout(Math.random() * 4);
        const answer = await answers.get(holder)?.(request);
        await setTimeout(Math.random() * 4);
        return answer;
      },
      serve: (answer) => void answers.set(name, answer),
    };
  };
}

async function withProcesses(
  check: (processes: readonly Delivery[]) => Promise<void>,
  peersOf: (name: string) => Peers = noPeers,
): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), "penstock-fence-"));
  await using temporary = await temporaryLog();
  const { log } = temporary;
  const streams = loadStreams(
    { orders: { topic: "orders", noun: "order", fields: ["kind"] } },
    new Map(),
    1,
  );
  for (const stream of streams.values()) await ensureTopics(log, stream, {});
  const open = (name: string): Promise<Delivery> =>
    Delivery.open({
      options: defaultsOf(deliverOptions),
      streams,
      store: openSessionStore(dataDir, Date.now),
      now: Date.now,
      log,
      peers: peersOf(name),
    });
  const processes = [await open("first"), await open("second")];
  try {
    await check(processes);
  } finally {
    for (const one of processes) await one[Symbol.asyncDispose]();
    await rm(dataDir, { recursive: true, force: true });
  }
}

const grant = openGrant(defaultsOf(accessOptions));

test("a connection whose session was claimed elsewhere ends, though nobody told it", async () => {
  await withProcesses(async ([first, second]) => {
    assert.ok(first !== undefined && second !== undefined);
    const session = await first.subscribe({ stream: "orders" }, grant);
    const [before, after] = [new Client(), new Client()];
    const old = new StreamConnection(first, before, grant);
    await old.open(session, undefined, true);
    const known = await second.sessions.get(session.id, grant.clientId);
    await new StreamConnection(second, after, grant).open(known, undefined, true);
    assert.deepEqual([before.closes, after.closes], [[], []], "nobody was told");

    assert.ok(old.session !== undefined);
    first.sessions.touch(old.session);
    await first.sessions.save();
    assert.deepEqual([before.closes, after.closes], [[CLOSE.taken_over], []]);
    assert.equal(first.handover.live.size, 0);
    // Who claimed it may yet ask how far it was read.
    assert.equal(first.sessions.held(session.id)?.id, session.id);
    assert.equal((await second.sessions.stored(session.id)).holder, "second");
  });
});

test("a connection that took its session over in this process stays, whatever the one before stores", async () => {
  await withProcesses(async ([first]) => {
    assert.ok(first !== undefined);
    const session = await first.subscribe({ stream: "orders" }, grant);
    const [before, after] = [new Client(), new Client()];
    const old = new StreamConnection(first, before, grant);
    await old.open(session, undefined, true);
    const replaced = old.session;
    assert.ok(replaced !== undefined);
    const known = await first.sessions.get(session.id, grant.clientId);
    await new StreamConnection(first, after, grant).open(known, undefined, true);
    first.sessions.touch(replaced);
    await first.sessions.save();
    assert.deepEqual([before.closes, after.closes], [[CLOSE.taken_over], []]);
    assert.equal(first.handover.live.size, 1);
  });
});

test("of connections that open one session at the same moment in two processes, one keeps it", async () => {
  for (let round = 0; round < 20; round++) {
    await withProcesses(
      async (processes) => {
        const [first] = processes as [Delivery, Delivery];
        const session = await first.subscribe({ stream: "orders" }, grant);
        const clients: Client[] = [];
        const open = async (at: Delivery): Promise<void> => {
          const client = new Client();
          clients.push(client);
          const known = await at.sessions.get(session.id, grant.clientId);
          // Whoever loses it is told by its close code.
          await new StreamConnection(at, client, grant)
            .open(known, undefined, true)
            .catch(() => {});
        };
        await open(first);
        await Promise.all([0, 1, 1, 0].map((at) => open(processes[at] as Delivery)));
        for (const one of processes) await one.sessions.save();
        const kept = clients.filter(({ closes }) => closes.length === 0);
        assert.equal(kept.length, 1, JSON.stringify(clients.map(({ closes }) => closes)));
        assert.equal(
          processes.reduce((sum, { handover }) => sum + handover.live.size, 0),
          1,
        );
      },
      linked(["first", "second"]),
    );
  }
});

test("a session that is ended stays so, though a connection had taken it over", async () => {
  await withProcesses(async ([first]) => {
    assert.ok(first !== undefined);
    const session = await first.subscribe({ stream: "orders" }, grant);
    const [before, after] = [new Client(), new Client()];
    await new StreamConnection(first, before, grant).open(session, undefined, true);
    const known = await first.sessions.get(session.id, grant.clientId);
    await new StreamConnection(first, after, grant).open(known, undefined, true);
    await first.end(known);
    await first.sessions.save();
    assert.deepEqual([before.closes, after.closes], [[CLOSE.taken_over], [CLOSE.session_ended]]);
    await assert.rejects(first.sessions.stored(session.id), { code: "session_not_found" });
    assert.equal(first.handover.live.size, 0);
  });
});
