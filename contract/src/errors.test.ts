import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CLOSE, retryOf } from "./codes.ts";
import { ERRORS, type ErrorCode, PenstockError, RETRY_AFTER_MS } from "./errors.ts";
import { FIELD_ERRORS_MAX } from "./field-errors.ts";

const CODES = Object.keys(ERRORS) as ErrorCode[];

test("each code has a status, a close and two sentences", () => {
  for (const code of CODES) {
    const { status, close, title, mend } = ERRORS[code];
    assert.match(code, /^[a-z]+(_[a-z]+)*$/);
    assert.ok(Number.isInteger(status) && status >= 400 && status < 600, code);
    assert.ok(CLOSE[close] > 0, code);
    for (const sentence of [title, mend]) assert.match(sentence, /^[A-Z].*\.$/, code);
  }
});

test("an error says the same of itself on every surface", () => {
  for (const code of CODES) {
    const error = new PenstockError(code, "What happened.", {
      errors: [{ path: "/a", message: "must be b", did_you_mean: "c" }],
    });
    assert.equal(error.status, ERRORS[code].status);
    assert.equal(error.closeCode, CLOSE[ERRORS[code].close]);
    assert.equal(error.retry, retryOf(error.closeCode));
    const problem = error.toProblem();
    assert.equal(problem.type, `/docs/errors#${code}`);
    assert.equal(problem.code, code);
    assert.equal(problem.status, error.status);
    assert.equal(problem.title, ERRORS[code].title);
    assert.equal(problem.detail, "What happened.");
    assert.deepEqual(problem.errors, error.errors);
    assert.equal(problem.retry_after_ms, error.retryAfterMs);
    assert.deepEqual(JSON.parse(JSON.stringify(problem)), problem);
  }
});

test("members that say nothing are left out of a problem", () => {
  const problem = new PenstockError("not_found", "Nothing.").toProblem();
  assert.deepEqual(Object.keys(problem), ["type", "title", "status", "code", "detail"]);
});

test("whoever is told to wait is told how long", () => {
  for (const code of CODES) {
    const error = new PenstockError(code, "Later.");
    const waits = error.retry === "wait" || error.status === 429 || error.status === 503;
    assert.equal(error.retryAfterMs, waits ? RETRY_AFTER_MS : undefined, code);
  }
  const told = new PenstockError("overloaded", "Later.", { retryAfterMs: 5 });
  assert.equal(told.retryAfterMs, 5);
});

test("whatever is caught becomes an error of the catalogue, and tells nothing of itself", () => {
  const known = new PenstockError("behind", "It fell behind.");
  assert.equal(PenstockError.from(known), known);
  fc.assert(
    fc.property(fc.anything(), (caught) => {
      const error = PenstockError.from(caught);
      assert.equal(error.code, "internal");
      assert.equal(error.message, ERRORS.internal.title);
      assert.equal(error.status, 500);
      if (caught !== undefined) assert.equal(error.cause, caught);
      assert.doesNotThrow(() => JSON.stringify(error.toProblem()));
    }),
  );
  const secret = PenstockError.from(new Error("the password is x"));
  assert.doesNotMatch(JSON.stringify(secret.toProblem()), /password/);
});

test("an error names twenty wrong members at the most", () => {
  const errors = Array.from({ length: 5000 }, (_, at) => ({ path: `/${at}`, message: "is wrong" }));
  const problem = new PenstockError("invalid_event", "wrong", { errors }).toProblem();
  assert.deepEqual(problem.errors, errors.slice(0, FIELD_ERRORS_MAX));
});
