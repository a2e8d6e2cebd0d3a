import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import { deserialize, serialize } from "node:v8";
import { type Handlers, ProcessChannel } from "./process-channel.ts";

/** Two processes that call each other; what is sent is copied, as a pipe does, or cannot be sent. */
function joined(handlers: Handlers) {
  const [near, far] = [new EventEmitter(), new EventEmitter()];
  let sent = 0;
  const end = (own: EventEmitter, other: EventEmitter) => ({
    send: (message: unknown) => {
      const bytes = serialize(message);
      sent += 1;
      setImmediate(() => other.emit("message", deserialize(bytes)));
    },
    onMessage: (take: (message: unknown) => void) => void own.on("message", take),
  });
  const caller = new ProcessChannel(end(near, far), {});
  new ProcessChannel(end(far, near), handlers);
  return { caller, sent: () => sent };
}

test("calls of one turn go together, and each has its own answer", async () => {
  const { caller, sent } = joined({ double: (value: number) => 2 * value });
  const answers = await Promise.all([1, 2, 3].map((value) => caller.call("double", value)));
  assert.deepEqual(answers, [2, 4, 6]);
  assert.equal(sent(), 2);
});

test("what cannot be sent fails its own call, and none beside it", async () => {
  const { caller } = joined({ echo: (value: unknown) => value, give: () => () => undefined });
  const [wrong, right, given] = await Promise.allSettled([
    caller.call("echo", () => undefined),
    caller.call("echo", "right"),
    caller.call("give", undefined),
  ]);
  assert.equal(wrong.status, "rejected");
  assert.deepEqual(right, { status: "fulfilled", value: "right" });
  assert.equal(given.status, "rejected", "nor can that answer be");
});

test("whoever waits for a process that ends is told so", async () => {
  const { caller } = joined({ wait: () => new Promise(() => undefined) });
  const waiting = caller.call("wait", undefined);
  caller.close();
  await assert.rejects(waiting, { code: "storage_unavailable" });
  await assert.rejects(caller.call("wait", undefined), { code: "storage_unavailable" });
});
