import assert from "node:assert/strict";
import { test } from "node:test";
import type { ErrorFrame } from "@penstock-dev/contract/frames.ts";
import { connectionEnd } from "./connection-end.ts";

function fatal(code: string, retry: string): ErrorFrame {
  return {
    type: "error",
    code: code as ErrorFrame["code"],
    message: "no",
    fatal: true,
    retry: retry as ErrorFrame["retry"],
    retry_after_ms: null,
    resumable: false,
  };
}

for (const [name, code, reason, error, retry] of [
  ["a close says what helps", 4301, "overloaded", undefined, "wait"],
  ["it does so by its range, where it is not known", 4150, "", undefined, "renew"],
  ["it counts for more than the error before it", 4301, "", fatal("overloaded", "never"), "wait"],
  ["a connection that was lost is connected again", 1006, "", undefined, "reconnect"],
  ["an error counts where its close was lost", 1006, "", fatal("forbidden", "never"), "never"],
  ["it does so where its close had no code", 1005, "", fatal("behind", "choose"), "choose"],
  [
    "a word that is not known counts for nothing",
    1006,
    "",
    fatal("internal", "dance"),
    "reconnect",
  ],
  ["who came too late comes again", 4000, "subscribe_timeout", undefined, "reconnect"],
  ["a frame that was wrong stays so", 4400, "protocol_error", undefined, "never"],
] as const) {
  test(`${name}: ${code} means ${retry}`, () => {
    const end = connectionEnd(code, reason, error);
    assert.equal(end.retry, retry);
    assert.equal(end.closeCode, code);
  });
}

test("an end says what the error before it said, else the reason, else that there was one", () => {
  const errors = [{ path: "/filters/hashtag", message: "is no field" }];
  const told = connectionEnd(4422, "reason", { ...fatal("unknown_field", "never"), errors });
  assert.deepEqual([told.code, told.message, told.errors], ["unknown_field", "no", errors]);
  const bare = connectionEnd(4404, "not_found", undefined);
  assert.deepEqual([bare.code, bare.message, bare.errors], ["closed", "not_found (4404)", []]);
  assert.equal(connectionEnd(1000, "", undefined).message, "The connection was closed. (1000)");
});
