import assert from "node:assert/strict";
import { channel } from "node:diagnostics_channel";
import { test } from "node:test";
import { CLOSE, PenstockError } from "@penstock-dev/contract";
import { type ConnectionEnd, ConnectionLog } from "./connection-log.ts";

const FACTS = { transport: "sse", clientId: "me", sessionId: "ses_1", stream: "tweets" } as const;

/** What is logged while something is done. */
function logged(work: () => void): Record<string, unknown>[] {
  const lines: Record<string, unknown>[] = [];
  const take = (line: unknown): void => {
    lines.push(line as Record<string, unknown>);
  };
  const logs = channel("penstock.log");
  logs.subscribe(take);
  work();
  logs.unsubscribe(take);
  return lines;
}

function end(error: PenstockError | undefined, code: number = CLOSE.going_away): ConnectionEnd {
  const byServer = error !== undefined;
  return { code: error?.closeCode ?? code, error, byServer, durationMs: 5, delivered: 7 };
}

test("who connects and leaves is told with who, on what, how it ended and what it got", () => {
  const log = new ConnectionLog(10, () => 0);
  const behind = new PenstockError("behind", "The client is 6 s behind.");
  const lines = logged(() => {
    log.connected(FACTS, "none");
    log.connected(FACTS, "full");
    log.left(FACTS, end(undefined, 1006));
    log.left(FACTS, end(behind));
  });
  const who = { client_id: "me", session_id: "ses_1", stream: "tweets", transport: "sse" };
  const got = { duration_ms: 5, delivered: 7 };
  assert.deepEqual(lines, [
    { level: "debug", msg: "a client connected", ...who, resume: "none" },
    { level: "debug", msg: "a client resumed", ...who, resume: "full" },
    { level: "debug", msg: "a client left", ...who, code: 1006, reason: "lost", ...got },
    {
      level: "info",
      msg: "a client was sent away",
      ...who,
      code: 4200,
      reason: "behind",
      detail: "The client is 6 s behind.",
      ...got,
    },
  ]);
});

test("faults of the server are warned of, with their cause; what is in order is not told by default", () => {
  const log = new ConnectionLog(100, () => 0);
  const levels: readonly (readonly [PenstockError, string])[] = [
    [PenstockError.from(new Error("a disk fell out")), "warn"],
    [new PenstockError("no_progress", "x"), "warn"],
    [new PenstockError("unread", "x"), "info"],
    [new PenstockError("unknown_field", "x"), "info"],
    [new PenstockError("rate_limited", "x"), "info"],
    [new PenstockError("taken_over", "x"), "debug"],
    [new PenstockError("session_ended", "x"), "debug"],
    [new PenstockError("shutting_down", "x"), "debug"],
  ];
  const lines = logged(() => {
    for (const [error] of levels) log.left(FACTS, end(error));
  });
  assert.deepEqual(
    lines.map(({ level }) => level),
    levels.map(([, level]) => level),
  );
  assert.match(String(lines[0]?.error), /a disk fell out/);
});

test("so many lines are told in a second, and the next one says how many were not", () => {
  let nowMs = 0;
  const log = new ConnectionLog(2, () => nowMs);
  const refused = new PenstockError("unknown_stream", "x");
  const leave = (count: number): unknown[] =>
    logged(() => {
      for (let client = 0; client < count; client++) log.left(FACTS, end(refused));
    }).map(({ unlogged }) => unlogged);
  assert.deepEqual(leave(5), [undefined, undefined]);
  nowMs = 1000;
  assert.deepEqual(leave(1), [3]);
  // A clock that is set back begins a second, too.
  nowMs = 500;
  assert.deepEqual(leave(3), [undefined, undefined]);
});
