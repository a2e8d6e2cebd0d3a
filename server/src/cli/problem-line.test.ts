import assert from "node:assert/strict";
import { test } from "node:test";
import { problemLine } from "./target.ts";

const TEXT = { path: "/text", message: "must be a text" };
const MISSPELT = { path: "/txt", message: "is not a member of a tweet", did_you_mean: "text" };

test("every error is told, each with its own suggestion and no other's", () => {
  assert.equal(
    problemLine({
      code: "invalid_event",
      detail: "/text must be a text.",
      errors: [TEXT, MISSPELT],
    }),
    "invalid_event: /text must be a text. /txt is not a member of a tweet. Did you mean text?",
  );
  assert.equal(
    problemLine({
      code: "invalid_event",
      detail: "/txt is not a member of a tweet.",
      errors: [MISSPELT, TEXT],
    }),
    "invalid_event: /txt is not a member of a tweet. Did you mean text? /text must be a text.",
  );
});

test("what the detail says besides its errors is told once, before them", () => {
  const errors = [{ path: "", message: "must be an object" }, TEXT];
  assert.equal(
    problemLine({ code: "invalid_request", detail: "It is wrong.", errors }),
    "invalid_request: It is wrong. must be an object. /text must be a text.",
  );
  assert.equal(problemLine({ code: "overloaded" }), "overloaded: refused");
  assert.equal(problemLine({}, "500 what"), "500 what");
});

test("hundreds of errors are counted, not listed", () => {
  const errors = Array.from({ length: 200 }, (_, at) => ({ path: `/${at}`, message: "is wrong" }));
  const line = problemLine({ code: "invalid_event", detail: "/0 is wrong.", errors });
  assert.match(line, /\/19 is wrong\. And 180 more\.$/);
});
