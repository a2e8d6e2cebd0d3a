import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { test } from "node:test";
import { publicUrl } from "./public-url.ts";

const request = (headers: object, remoteAddress = "127.0.0.1") =>
  ({ headers, socket: { remoteAddress } }) as unknown as IncomingMessage;

test("what is configured holds, its path with it", () => {
  for (const configured of ["https://example.com/penstock", "https://example.com/penstock/"]) {
    const base = publicUrl(configured, [])(request({ host: "other" }));
    assert.equal(new URL("v1/stream/x", base).href, "https://example.com/penstock/v1/stream/x");
  }
});

test("a proxy that is trusted says by what address clients come, and nobody else", () => {
  const headers = {
    host: "inner:8080",
    "x-forwarded-host": "outer",
    "x-forwarded-proto": "https",
  };
  const of = publicUrl("", ["10.0.0.0/8"]);
  assert.equal(of(request(headers, "::ffff:10.1.2.3")).href, "https://outer/");
  assert.equal(of(request(headers, "11.1.2.3")).href, "http://inner:8080/");
  assert.equal(of(request({ host: "in valid" })).href, "http://localhost/");
});
