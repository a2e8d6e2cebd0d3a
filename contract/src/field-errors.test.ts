import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  FIELD_ERRORS_MAX,
  nearest,
  pointer,
  schemaErrors,
  unknownMembers,
} from "./field-errors.ts";

test("a name that is nearly right is told, and one that is not is not guessed at", () => {
  const names = ["hashtags", "keywords", "user_ids", "min_value"];
  assert.equal(nearest("hashtag", names), "hashtags");
  assert.equal(nearest("HASHTAGS", names), "hashtags");
  assert.equal(nearest("keyword", names), "keywords");
  assert.equal(nearest("value", names), undefined);
  assert.equal(nearest("prot", ["host", "port"]), "port");
  assert.equal(nearest("x", names), undefined);
  assert.equal(nearest("hashtags", []), undefined);
  fc.assert(fc.property(fc.constantFrom(...names), (name) => nearest(name, names) === name));
});

test("a member is pointed at wherever it lies, whatever it is called", () => {
  assert.equal(pointer([]), "");
  assert.equal(pointer(["a", 0, "b"]), "/a/0/b");
  assert.equal(pointer(["a/b", "~c"]), "/a~1b/~0c");
});

test("members that there are not are named one by one, with what may be meant", () => {
  const errors = schemaErrors(
    { code: "unrecognized_keys", path: ["tweet"], message: "?", keys: ["txet", "x/y"] },
    ["text", "user_id"],
    "is none",
  );
  assert.deepEqual(errors, [
    { path: "/tweet/txet", message: "is none", did_you_mean: "text" },
    { path: "/tweet/x~1y", message: "is none" },
  ]);
  const wrong = schemaErrors({ code: "custom", path: ["a"], message: "must be b" }, [], "is none");
  assert.deepEqual(wrong, [{ path: "/a", message: "must be b" }]);
  const many = Array.from({ length: 50 }, (_, at) => `m${at}`);
  assert.equal(unknownMembers("", many, [], "is none").length, FIELD_ERRORS_MAX);
});
