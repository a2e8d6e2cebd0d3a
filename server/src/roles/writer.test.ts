/** What a worker has of the process that writes for it, over a pipe that copies as a real one does. */
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import { deserialize, serialize } from "node:v8";
import type { PenstockError } from "@penstock-dev/contract";
import { openSessionStore, openSharedSessionStore } from "../deliver/index.ts";
import { sampleSession } from "../deliver/sample-session.ts";
import { logOptions, openEmbeddedLog, temporaryLog } from "../log/index.ts";
import { defaultsOf } from "../option.ts";
import { ProcessChannel } from "../workers/process-channel.ts";
import { writerHandlers, writerOf } from "./writer.ts";

const SESSION = sampleSession({ holder: "here" });

/** Two ends of a pipe; what is sent is copied. */
function pipe() {
  const [left, right] = [new EventEmitter(), new EventEmitter()];
  const end = (own: EventEmitter, other: EventEmitter) => ({
    send: (message: unknown) =>
      void setImmediate(() => other.emit("message", deserialize(serialize(message)))),
    onMessage: (take: (message: unknown) => void) => void own.on("message", take),
  });
  return [end(left, right), end(right, left)] as const;
}

/** A process that writes, and the log and sessions of another one that reads in the same folder. */
async function twoProcesses() {
  const stack = new AsyncDisposableStack();
  const { log: written, dataDir } = stack.use(await temporaryLog());
  const stored = stack.use(openSessionStore(dataDir, Date.now));
  const [main, worker] = pipe();
  new ProcessChannel(main, writerHandlers({ log: written, sessions: stored }));
  const channel = new ProcessChannel(worker, {});
  const writer = writerOf({
    call: (name, body) => channel.call(name, body),
    isGone: () => channel.isClosed,
  });
  const options = defaultsOf(logOptions);
  const now = Date.now;
  const log = stack.use(await openEmbeddedLog({ dataDir, options, now, writer: writer.log }));
  const sessions = stack.use(openSharedSessionStore(dataDir, now, writer.sessions));
  return {
    written,
    log,
    stored,
    sessions,
    channel,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

const record = (text: string) => ({ key: null, value: Buffer.from(text), headers: { a: text } });

test("what a worker appends is written by the other process, and read and waited for here", async () => {
  await using both = await twoProcesses();
  const { written, log } = both;
  const info = await log.createTopic("t", { partitions: 2, retentionMs: 1000 });
  assert.deepEqual(await written.describe("t"), info);
  const woken = log.waitForMore("t", [0, 0], AbortSignal.timeout(5000));
  const wide = Buffer.from("xxab");
  const appended = await Promise.all([
    log.append("t", 1, [record("a"), { key: "k", value: wide.subarray(2) }]),
    log.append("t", 1, [record("b")]),
  ]);
  assert.deepEqual(
    appended.map(({ firstOffset }) => firstOffset),
    [0, 2],
  );
  await woken;
  const { records } = await log.read("t", 1, 0, { recordsMax: 10, bytesMax: 1000 });
  const told = records.map(({ offset, key, value, headers }) => [
    offset,
    key,
    Buffer.from(value).toString(),
    headers,
  ]);
  assert.deepEqual(told, [
    [0, null, "a", { a: "a" }],
    [1, "k", "ab", {}],
    [2, null, "b", { a: "b" }],
  ]);
  assert.deepEqual(await log.heads("t"), [0, 3]);
});

test("what the other process refuses is refused here, and why", async () => {
  await using both = await twoProcesses();
  const { log } = both;
  await log.createTopic("t", { partitions: 1 });
  await log.append("t", 0, [record("a")]);
  const refused = async (act: Promise<unknown>): Promise<PenstockError> =>
    await act.then(
      () => assert.fail("it was taken"),
      (caught: PenstockError) => caught,
    );
  const foreign = await refused(log.append("t", 0, [record("b")], { expected: 0 }));
  assert.equal(foreign.code, "cursor_foreign");
  assert.match(foreign.message, /ends at 1, not at 0/);
  assert.equal((await refused(log.append("t", 7, [record("b")]))).code, "not_found");
  assert.equal((await refused(log.createTopic("u", { partitions: 0 }))).code, "invalid_request");
});

test("sessions are claimed and stored by the other process; who stores hears which of its own were claimed", async () => {
  await using both = await twoProcesses();
  const { sessions, stored } = both;
  const other = { ...SESSION, id: "ses_two" };
  await sessions.create([SESSION, other]);
  assert.deepEqual(await sessions.put([SESSION, other]), []);
  assert.deepEqual(await stored.get(SESSION.id), await sessions.get(SESSION.id));
  const claimed = await sessions.claim(SESSION.id, "there");
  assert.equal(claimed?.previous, "here");
  assert.equal(claimed?.session.epoch, 2);
  const renewed = { ...SESSION, epoch: 2 };
  assert.deepEqual(await sessions.put([other, SESSION, renewed]), [1], "of one session, the older");
  await sessions.delete([other.id]);
  assert.deepEqual(await sessions.put([other]), [0], "what is deleted stays so");
  assert.deepEqual(
    (await sessions.list("one", 10)).map(({ id }) => id),
    [SESSION.id],
  );
  assert.equal(await sessions.claim("ses_none", "there"), undefined);
});

test("a worker whose writer is gone appends no more, and stores what it has left of sessions itself", async () => {
  await using both = await twoProcesses();
  const { log, sessions, stored, channel } = both;
  await log.createTopic("t", { partitions: 1 });
  const waiting = log.append("t", 0, [record("a")]);
  const storing = sessions.create([SESSION]);
  channel.close();
  await assert.rejects(waiting, { code: "storage_unavailable" });
  await assert.rejects(log.append("t", 0, [record("b")]), { code: "storage_unavailable" });
  await storing;
  assert.equal((await stored.get(SESSION.id))?.position, "first");
  await sessions.put([{ ...SESSION, position: "later" }]);
  assert.equal((await stored.get(SESSION.id))?.position, "later");
  assert.equal((await sessions.claim(SESSION.id, "there"))?.session.epoch, 2);
});
