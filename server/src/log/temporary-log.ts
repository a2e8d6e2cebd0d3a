import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defaultsOf } from "../option.ts";
import { type EmbeddedLog, openEmbeddedLog } from "./embedded/embedded-log.ts";
import { logOptions } from "./options.ts";

/** An embedded log in a folder of its own, which goes with it: for tests and benchmarks. */
export async function temporaryLog(): Promise<
  { readonly log: EmbeddedLog; readonly dataDir: string } & AsyncDisposable
> {
  const dataDir = await mkdtemp(join(tmpdir(), "penstock-log-"));
  const log = await openEmbeddedLog({ dataDir, options: defaultsOf(logOptions), now: Date.now });
  return {
    log,
    dataDir,
    [Symbol.asyncDispose]: async () => {
      await log[Symbol.asyncDispose]();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
