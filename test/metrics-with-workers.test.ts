/** What the first process counts and what its workers count are one server's metrics. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { posts } from "./cli/user.ts";
import { TestServer } from "./transports/test-server.ts";

for (const workers of ["0", "2"]) {
  test(`what sources and clients publish is counted once (${workers} workers)`, async () => {
    const folder = await mkdtemp(join(tmpdir(), "penstock-metrics-"));
    try {
      const path = join(folder, "posts.jsonl");
      await writeFile(path, posts(30, "ann"));
      await using server = await TestServer.start({ workers, sources: `file=tweets,${path},max` });
      await server.publish(["one more"]);
      const ingested = "penstock_ingested_events_total";
      while ((await server.metric(ingested)) < 31)
        await new Promise((resolve) => setTimeout(resolve, 20));
      assert.equal(await server.metric(ingested), 31);
      const text = await (await fetch(`${server.adminUrl}/metrics`)).text();
      for (const name of [ingested, "penstock_dead_letters_total"])
        assert.match(text, new RegExp(`^${name}\\{stream="chain-events"\\} 0$`, "m"));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
}
