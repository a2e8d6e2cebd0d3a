/** The SDK, on the WebSockets that Node and a browser have, against a server that misbehaves. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { describe, test } from "node:test";
import { Penstock } from "@penstock-dev/client";
import { chromium } from "playwright-core";
import { HostileServer } from "./hostile-server.ts";

const EVENTS = 400;
const EXPECTED = Array.from({ length: EVENTS }, (_, at) => `event ${at}`);
const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(
  (path) => existsSync(path),
);

/** What proves that the server did its worst. */
function assertHostile({ deeds }: HostileServer): void {
  const kinds = [...deeds.keys()].map((deed) => deed.replace(/ with \d+$/, ""));
  for (const deed of ["cut", "closed", "sent nonsense", "repeated events"])
    assert.ok(kinds.includes(deed), `${deed}: ${[...deeds]}`);
  assert.ok(
    [...deeds.keys()].some((deed) => deed.startsWith("refused")),
    `${[...deeds]}`,
  );
}

describe("the SDK gives every event once, in order, whatever the server does", () => {
  for (let seed = 1; seed <= 4; seed++) {
    test(`in Node, with seed ${seed}`, async () => {
      await using server = await HostileServer.start(EVENTS, seed);
      const notices: string[] = [];
      const stream = new Penstock({ url: server.url }).stream("things", {
        start: "earliest",
        fold: true,
        backoff: { baseMs: 2, maxMs: 20 },
        onNotice: ({ code }) => notices.push(code),
      });
      const got: string[] = [];
      for await (const { id } of stream) {
        got.push(id);
        if (got.length === EVENTS) break;
      }
      assert.deepEqual(got, EXPECTED);
      assertHostile(server);
      assert.ok(notices.includes("invalid_json"));
      // It asks for the start that it was given until a cursor came, and then for cursors alone.
      const first = server.starts.findIndex((start) => typeof start === "object");
      assert.ok(server.starts.slice(0, first).every((start) => start === "earliest"));
      assert.ok(server.starts.slice(first).every((start) => typeof start === "object"));
    });
  }

  const skip = CHROMIUM === undefined ? "there is no Chromium here" : false;
  test("in a browser", { skip }, async () => {
    await using server = await HostileServer.start(EVENTS, 7);
    const browser = await chromium.launch({
      ...(CHROMIUM === undefined ? {} : { executablePath: CHROMIUM }),
      args: ["--no-sandbox"],
    });
    try {
      const page = await browser.newPage();
      const errors: string[] = [];
      page.on("pageerror", (error) => errors.push(String(error)));
      await page.goto(server.url);
      const got = await page.evaluate(
        `(async () => {
          const { Penstock } = await import("/client.js");
          const stream = new Penstock({ url: location.origin }).stream("things", {
            start: "earliest",
            backoff: { baseMs: 2, maxMs: 20 },
          });
          const got = [];
          for await (const { id } of stream) {
            got.push(id);
            if (got.length === ${EVENTS}) break;
          }
          return got;
        })()`,
      );
      assert.deepEqual(got, EXPECTED);
      assert.deepEqual(errors, []);
      assertHostile(server);
    } finally {
      await browser.close();
    }
  });
});

test("an address where nobody is is tried until the application ends it, without an error", async () => {
  for (const url of ["http://127.0.0.1.invalid", "http://127.0.0.1:1"]) {
    const attempts: number[] = [];
    const abort = new AbortController();
    const stream = new Penstock({ url }).stream("things", {
      backoff: { baseMs: 1, maxMs: 5 },
      signal: abort.signal,
      onStatus: (status) => {
        if (status.state === "connecting" && attempts.push(status.attempt) === 5) abort.abort();
      },
    });
    for await (const event of stream) assert.fail(event.id);
    assert.equal(attempts.length, 5);
  }
});
