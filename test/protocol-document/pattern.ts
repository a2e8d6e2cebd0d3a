import assert from "node:assert/strict";

/** Stands for any text, any value, or any others, by where it stands. */
export const ANY = "…";

/**
 * Holds a value to an example of it: what differs is thrown.
 *
 * @param where the path to the value, for the message
 */
export function assertLike(actual: unknown, example: unknown, where = ""): void {
  if (example === ANY) {
    assert.notEqual(actual, undefined, `${where} is missing`);
  } else if (typeof example === "string" && example.includes(ANY)) {
    assert.equal(typeof actual, "string", `${where} is ${JSON.stringify(actual)}`);
    assert.match(String(actual), patternOf(example), where);
  } else if (Array.isArray(example)) {
    assert.ok(Array.isArray(actual), `${where} is no list: ${JSON.stringify(actual)}`);
    const isOpen = example.at(-1) === ANY;
    const items = isOpen ? example.slice(0, -1) : example;
    if (!isOpen) assert.equal(actual.length, items.length, `${where} ${JSON.stringify(actual)}`);
    for (const [at, item] of items.entries()) assertLike(actual[at], item, `${where}/${at}`);
  } else if (typeof example === "object" && example !== null) {
    assert.ok(typeof actual === "object" && actual !== null, `${where} is no object`);
    const names = Object.keys(example).filter((name) => name !== ANY);
    if (names.length === Object.keys(example).length)
      assert.deepEqual(Object.keys(actual).sort(), names.sort(), where);
    for (const name of names)
      assertLike(Reflect.get(actual, name), Reflect.get(example, name), `${where}/${name}`);
  } else if (where.endsWith("/at")) {
    assert.equal(typeof actual, typeof example, where);
  } else {
    assert.deepEqual(actual, example, where);
  }
}

function patternOf(example: string): RegExp {
  const parts = example.split(ANY).map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join("[\\s\\S]*")}$`);
}
