/** How sessions are stored: in batches, one after the other, each session as it is by then. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Claimed, SessionRecord, SessionStore } from "./session.ts";
import { Sessions } from "./sessions.ts";

const INIT = {
  clientId: "somebody",
  stream: "tweets",
  finality: "all",
  rules: [],
  whenBehind: "skip",
  maxEventsPerSecond: null,
  position: "c1.",
  until: undefined,
  clamp: false,
  resumes: undefined,
} as unknown as Parameters<Sessions["create"]>[0];

/** A store whose every write takes until it is let go. */
class SlowStore implements SessionStore {
  readonly stored = new Map<string, SessionRecord>();
  readonly claimed = new Set<string>();
  readonly writes: number[] = [];
  failure: Error | undefined;
  #gate = Promise.withResolvers<void>();

  letGo(): void {
    this.#gate.resolve();
  }

  hold(): void {
    this.#gate = Promise.withResolvers<void>();
  }

  async get(id: string) {
    return this.stored.get(id);
  }

  async create(sessions: readonly SessionRecord[]) {
    await this.put(sessions);
  }

  async put(sessions: readonly SessionRecord[]) {
    await this.#gate.promise;
    if (this.failure !== undefined) throw this.failure;
    this.writes.push(sessions.length);
    const mine = sessions.filter(({ id }) => !this.claimed.has(id));
    for (const session of mine) this.stored.set(session.id, { ...session });
    return [...sessions.keys()].filter((place) => this.claimed.has(sessions[place]?.id ?? ""));
  }

  async claim(id: string, holder: string): Promise<Claimed | undefined> {
    const session = this.stored.get(id);
    return session === undefined
      ? undefined
      : { session: { ...session, holder }, previous: session.holder };
  }

  async delete(ids: readonly string[]) {
    for (const id of ids) this.stored.delete(id);
  }

  async list() {
    return [...this.stored.values()];
  }

  async orphan() {}

  async [Symbol.asyncDispose]() {}
}

function open(store: SlowStore) {
  const fenced: string[] = [];
  const options = { sessionTtlMs: 60_000, sessionSaveIntervalMs: 60_000 };
  const sessions = new Sessions("here", store, options, Date.now, {
    refresh: () => undefined,
    fenced: ({ id }) => fenced.push(id),
  });
  return { sessions, fenced };
}

async function connectedSessions(sessions: Sessions, count: number): Promise<SessionRecord[]> {
  const made: SessionRecord[] = [];
  for (let at = 0; at < count; at++) made.push(await sessions.create(INIT, true));
  for (const session of made) sessions.connected(session);
  await sessions.save();
  return made;
}

test("when all clients leave at once, their sessions are stored in a few writes", async () => {
  const store = new SlowStore();
  store.letGo();
  await using opened = open(store).sessions;
  const made = await connectedSessions(opened, 1200);
  store.writes.length = 0;
  store.hold();
  const leaving = made.map((session) => opened.disconnected(session, 1001));
  store.letGo();
  await Promise.all(leaving);
  assert.deepEqual(store.writes, [500, 500, 200]);
  for (const { id } of made) assert.equal(store.stored.get(id)?.disconnectCode, 1001);
});

test("a session is stored as it is when its batch is written, and claimed behind that", async () => {
  const store = new SlowStore();
  store.letGo();
  await using opened = open(store).sessions;
  const [first, second] = (await connectedSessions(opened, 2)) as [SessionRecord, SessionRecord];
  store.hold();
  const writing = opened.changed(first);
  const waiting = opened.changed(second);
  second.position = "c1.later";
  const claim = opened.claim(second.id);
  store.letGo();
  assert.deepEqual(await Promise.all([writing, waiting]), [true, true]);
  assert.equal((await claim).session.position, "c1.later");
});

test("a session of which nothing is to be written is claimed while others are written", async () => {
  const store = new SlowStore();
  store.letGo();
  await using opened = open(store).sessions;
  const [first, second] = (await connectedSessions(opened, 2)) as [SessionRecord, SessionRecord];
  store.hold();
  const writing = opened.changed(first);
  assert.equal((await opened.claim(second.id)).session.id, second.id);
  store.letGo();
  assert.equal(await writing, true);
});

test("of a batch, only what was claimed elsewhere is told of as such", async () => {
  const store = new SlowStore();
  store.letGo();
  const { sessions, fenced } = open(store);
  await using opened = sessions;
  const [first, second] = (await connectedSessions(opened, 2)) as [SessionRecord, SessionRecord];
  store.claimed.add(first.id);
  store.hold();
  const changes = [opened.changed(first), opened.changed(second)];
  store.letGo();
  assert.deepEqual(await Promise.all(changes), [false, true]);
  assert.deepEqual(fenced, [first.id]);
});

test("a write that fails is told to all who waited for it, and the next is tried", async () => {
  const store = new SlowStore();
  store.letGo();
  await using opened = open(store).sessions;
  const made = await connectedSessions(opened, 2);
  store.failure = new Error("the disk is full");
  const failed = await Promise.allSettled(made.map((session) => opened.changed(session)));
  assert.deepEqual(
    failed.map(({ status }) => status),
    ["rejected", "rejected"],
  );
  store.failure = undefined;
  assert.deepEqual(await Promise.all(made.map((session) => opened.changed(session))), [true, true]);
});

test("the end of a session that could not be stored is stored with the next batch", async () => {
  const store = new SlowStore();
  store.letGo();
  await using opened = open(store).sessions;
  const [session] = (await connectedSessions(opened, 1)) as [SessionRecord];
  store.failure = new Error("the disk is full");
  await opened.disconnected(session, 1001);
  await assert.rejects(opened.save(), /disk is full/);
  assert.equal(opened.inUse(session.id), session, "who comes back finds it as it is");
  store.failure = undefined;
  await opened.save();
  assert.equal(store.stored.get(session.id)?.disconnectCode, 1001);
  assert.equal(opened.inUse(session.id), undefined);
});
