import assert from "node:assert/strict";
import { test } from "node:test";
import { Numbers } from "./numbers.ts";

test("numbers stay in order, however many there are, and anew when they were emptied", () => {
  const numbers = new Numbers();
  for (const count of [0, 1, 16, 17, 1000, 5]) {
    for (let at = 0; at < count; at++) numbers.push(at * 3 - 7);
    assert.equal(numbers.length, count);
    for (let at = 0; at < count; at++) assert.equal(numbers.at(at), at * 3 - 7);
    numbers.cut(count >>> 1);
    assert.equal(numbers.length, count >>> 1);
    if (numbers.length > 0) numbers.set(0, 9);
    numbers.push(4);
    assert.equal(numbers.at(numbers.length - 1), 4);
    numbers.clear();
    assert.equal(numbers.length, 0);
  }
});
