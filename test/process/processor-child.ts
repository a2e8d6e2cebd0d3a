/** A process that processes one stream of a data directory until it is killed. */
import { openEmbeddedLog } from "../../server/src/log/index.ts";
import { logOptions } from "../../server/src/log/options.ts";
import { defaultsOf } from "../../server/src/option.ts";
import { processOptions, startProcessor } from "../../server/src/process/index.ts";
import { streamNamed } from "./raw-world.ts";

const [dataDir = "", name = ""] = process.argv.slice(2);
const log = await openEmbeddedLog({
  dataDir,
  options: { ...defaultsOf(logOptions), pollMs: 5 },
  now: Date.now,
});
startProcessor({
  log,
  stream: streamNamed(name === "tweets" ? "tweets" : "chain-events"),
  options: { ...defaultsOf(processOptions), batchRecordsMax: 5, progressMs: 10 },
  now: Date.now,
  report: ({ kind }) => process.send?.(kind),
});
process.send?.("started");
