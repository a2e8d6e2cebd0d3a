/** F17: the disk fills up under a server that serves, and has space again. */
import assert from "node:assert/strict";
import { open, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { serverUnderTest } from "../../simulator/src/server-under-test.ts";
import { ndjsonDriver } from "../transports/drivers.ts";
import { type Frame, isEvent, ofType } from "../transports/transport-driver.ts";
import { smallDisk } from "./small-disk.ts";

const DISK_BYTES = 64 * 1024 * 1024;
const EVERYTHING = { since: "earliest", when_behind: "wait" };

async function post(url: string, id: string): Promise<Response> {
  return await fetch(`${url}/v1/ingest/tweets`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      id,
      user_id: `author-${id}`,
      text: `post ${id} ${"and so on ".repeat(20)}`,
    }),
  });
}

/** Takes what is left of the disk, but for nothing. */
async function fill(path: string): Promise<void> {
  const file = await open(path, "a");
  try {
    for (const size of [1024 * 1024, 4096]) {
      try {
        for (;;) await file.write(Buffer.alloc(size, 1));
      } catch (caught) {
        assert.equal((caught as NodeJS.ErrnoException).code, "ENOSPC");
      }
    }
  } finally {
    await file.close();
  }
}

for (const workers of ["0", "4"])
  test(`F17: a full disk is told, loses nothing that was acknowledged, and is survived (${workers} workers)`, async (t) => {
    await using disk = await smallDisk(DISK_BYTES);
    if (disk === undefined) return t.skip("a small disk cannot be mounted here");
    const server = await serverUnderTest({
      dataDir: join(disk.path, "data"),
      flags: { workers, "log-retention-check": "50ms", "deliver-session-save-interval": "100ms" },
      ownProcess: true,
    });
    await server.start();
    try {
      const live = ndjsonDriver.connect(server.url, { live: "tweets", query: EVERYTHING });
      await live.next(ofType("caught_up"));
      const acknowledged: string[] = [];
      const send = async (id: string): Promise<Response> => {
        const response = await post(server.url, id);
        if (response.status === 202) acknowledged.push(id);
        return response;
      };
      for (let number = 0; number < 50; number++) await send(`before-${number}`);
      assert.equal(acknowledged.length, 50);

      const filler = join(disk.path, "filler");
      await fill(filler);
      const refusals: Response[] = [];
      // Pages that are free within the files take some more: until they are used up.
      for (let number = 0; refusals.length < 20 && number < 20_000; number++) {
        const response = await send(`full-${number}`);
        if (response.status !== 202) refusals.push(response);
        // What the server removes makes room: take it.
        if (number % 20 === 0) await fill(filler);
      }
      const { bavail } = await statfs(disk.path);
      assert.equal(bavail, 0, "the disk is not full");
      assert.equal(refusals.length, 20, "nothing was refused");
      for (const refusal of refusals) {
        assert.equal(refusal.status, 503);
        assert.ok(Number(refusal.headers.get("retry-after")) >= 1);
        assert.match(refusal.headers.get("content-type") ?? "", /problem\+json/);
        const problem = (await refusal.json()) as Record<string, unknown>;
        assert.equal(problem.code, "disk_full");
      }
      const lines = await fetch(`${server.url}/v1/ingest/tweets`, {
        method: "POST",
        headers: { "content-type": "application/x-ndjson" },
        body: '{"id":"line","user_id":"u","text":"a line"}\n',
      });
      assert.equal(lines.status, 200);
      const [line = ""] = (await lines.text()).split("\n");
      const told = JSON.parse(line) as Record<string, unknown>;
      if (told.status === 202) acknowledged.push("line");
      else assert.deepEqual([told.status, told.code], [503, "disk_full"]);
      assert.equal((await fetch(`${server.url}/v1/streams`)).status, 200, "reading goes on");

      await rm(filler);
      for (let number = 0; number < 50; number++)
        assert.equal((await send(`after-${number}`)).status, 202, "refused though there was space");
      const missing = new Set(acknowledged);
      const seen = (frame: Frame): boolean => {
        missing.delete(frame.id ?? "");
        return missing.size === 0;
      };
      await live.next(seen);
      const ids = live.frames.filter(isEvent).map(({ id }) => id);
      assert.equal(new Set(ids).size, ids.length, "an event came twice");
      assert.equal(ids.length, acknowledged.length, "what was refused was delivered");
      live.destroy();

      // What the disk holds now is whole: another start finds it.
      await server.stop();
      await server.start();
      const again = ndjsonDriver.connect(server.url, { live: "tweets", query: EVERYTHING });
      const wanted = new Set(acknowledged);
      await again.next((frame) => {
        wanted.delete(frame.id ?? "");
        return wanted.size === 0;
      });
      again.destroy();
      t.diagnostic(`${acknowledged.length} acknowledged, ${refusals.length} refused`);
    } finally {
      await server.stop();
    }
  });
