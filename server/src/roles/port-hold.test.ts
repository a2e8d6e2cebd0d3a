import assert from "node:assert/strict";
import { test } from "node:test";
import { holdPort } from "./port-hold.ts";

const at = { host: "127.0.0.1", port: 40_000 + (process.pid % 20_000) };

test("a port is held for one server at a time", {
  skip: process.platform !== "linux",
}, async () => {
  {
    await using _held = await holdPort(at);
    await assert.rejects(holdPort(at), {
      code: "EADDRINUSE",
      syscall: "listen",
      address: at.host,
      port: at.port,
    });
    await assert.rejects(holdPort({ ...at, host: "localhost" }), { code: "EADDRINUSE" });
    await using _other = await holdPort({ ...at, host: "127.0.0.2" });
  }
  await using _again = await holdPort(at);
});

test("any free port is held by nobody", async () => {
  await using _one = await holdPort({ ...at, port: 0 });
  await using _two = await holdPort({ ...at, port: 0 });
});
