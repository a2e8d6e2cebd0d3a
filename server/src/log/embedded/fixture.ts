import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defaultsOf } from "../../option.ts";
import type { LogFixture } from "../conformance/fixture.ts";
import { logOptions } from "../options.ts";
import { EmbeddedLog, openEmbeddedLog } from "./embedded-log.ts";

/** The embedded log, for the conformance suite. */
export const fixture: LogFixture = {
  name: "embedded log",
  module: import.meta.url,
  make: async () => {
    const place = await mkdtemp(join(tmpdir(), "penstock-log-"));
    return {
      place,
      [Symbol.asyncDispose]: () => rm(place, { recursive: true, force: true, maxRetries: 3 }),
    };
  },
  // Whoever is not woken waits for longer than a test does: the wake itself is under test.
  open: (place, now) => {
    const options = { ...defaultsOf(logOptions), pollMs: 600_000, retentionCheckMs: 600_000 };
    return openEmbeddedLog({ dataDir: place, options, now });
  },
  retain: async (log, nowMs) => {
    if (log instanceof EmbeddedLog) await log.retain(nowMs);
  },
};
