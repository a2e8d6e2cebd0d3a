import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CLOSE, closeName, retryOf } from "./codes.ts";
import { ERRORS } from "./errors.ts";

test("no two names have one code, and each may be sent", () => {
  const codes = Object.values(CLOSE);
  assert.equal(new Set(codes).size, codes.length);
  // RFC 6455 §7.4: 1004 to 1006 and 1015 are never sent, 4000 to 4999 are an application's own.
  for (const code of codes)
    assert.ok(code === 1000 || code === 1001 || (code >= 4000 && code < 4500));
});

test("a code that nobody has named yet says what to do by its range", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 99 }), (within) => {
      assert.equal(retryOf(4000 + within), "reconnect");
      assert.equal(retryOf(4100 + within), "renew");
      assert.equal(retryOf(4200 + within), "choose");
      assert.equal(retryOf(4300 + within), "wait");
      assert.equal(retryOf(4400 + within), "never");
      assert.equal(retryOf(4500 + within), "never");
    }),
  );
});

test("WebSocket's own codes reconnect where the connection was lost or the server went", () => {
  const reconnect = [1001, 1005, 1006, 1011, 1012, 1013, 1014];
  for (let code = 1000; code < 1016; code++) {
    assert.equal(retryOf(code), reconnect.includes(code) ? "reconnect" : "never", String(code));
  }
  assert.equal(retryOf(3000), "never");
  assert.equal(retryOf(-1), "never");
  assert.equal(retryOf(Number.NaN), "never");
});

test("a close has its name, whoever sent it", () => {
  for (const [name, code] of Object.entries(CLOSE)) assert.equal(closeName(code), name);
  assert.equal(closeName(1005), "no_code");
  assert.equal(closeName(1006), "lost");
  assert.equal(closeName(4999), "other");
});

test("every code that errors close with is in the table, and its range fits the HTTP status", () => {
  for (const [code, { status, close }] of Object.entries(ERRORS)) {
    const retry = retryOf(CLOSE[close]);
    if (status === 429) assert.equal(retry, "wait", code);
    if (status === 401) assert.equal(retry, "renew", code);
    if (status === 403 || status === 405 || status === 413 || status === 422)
      assert.equal(retry, "never", code);
    if (status >= 500) assert.ok(retry === "wait" || retry === "reconnect", code);
  }
});
