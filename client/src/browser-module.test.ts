import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { browserModule } from "./browser-module.ts";

test("the SDK for browsers is one module that loads, and is under 10 KB gzip", async () => {
  const text = browserModule();
  const loaded = (await import(`data:text/javascript,${encodeURIComponent(text)}`)) as Record<
    string,
    unknown
  >;
  assert.equal(typeof loaded.Penstock, "function");
  assert.equal(typeof loaded.PenstockStreamError, "function");
  const bytes = gzipSync(text).length;
  assert.ok(bytes < 10_000, `${bytes} bytes`);
});
