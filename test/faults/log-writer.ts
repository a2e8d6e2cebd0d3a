/**
 * A process that appends until it kills itself, as `kill -9` would, at the point that it is told:
 * `node log-writer.ts <data dir> <number> <point>`. It says on its standard output what was
 * acknowledged, a line each.
 */
import { writeSync } from "node:fs";
import { openEmbeddedLog } from "../../server/src/log/embedded/embedded-log.ts";
import { logOptions } from "../../server/src/log/options.ts";
import { defaultsOf } from "../../server/src/option.ts";
import { batchOf, type KillPoint, PARTITIONS } from "./log-batch.ts";

const [dataDir = "", number = "", told = ""] = process.argv.slice(2);
const point = told as KillPoint;
const random = (below: number): number => Math.floor(Math.random() * below);

function die(): never {
  process.kill(process.pid, "SIGKILL");
  throw new Error("SIGKILL was survived");
}

/** Before the next turn, some turns later, or some time later: wherever a commit is by then. */
function dieSoon(withinMs: number): void {
  if (random(2) === 0) setTimeout(die, Math.random() * withinMs);
  else setImmediate(() => setImmediate(die));
}

if (point === "opening") dieSoon(10);
const log = await openEmbeddedLog({ dataDir, options: defaultsOf(logOptions), now: Date.now });
const diesAfter = random(12);
let acknowledged = 0;
let sent = 0;

async function write(partition: number): Promise<void> {
  for (;;) {
    const batch = `${number}.${sent}`;
    sent += 1;
    const records = batchOf(batch);
    const appending = log.append("kept", partition, records);
    if (point === "appending" && acknowledged >= diesAfter) dieSoon(6);
    const { firstOffset } = await appending;
    writeSync(1, `${batch} ${partition} ${firstOffset}\n`);
    acknowledged += 1;
    if (acknowledged < diesAfter) continue;
    if (point === "acknowledged") die();
    if (point === "closing") {
      void log[Symbol.asyncDispose]().catch(() => undefined);
      dieSoon(4);
      return;
    }
    if (point === "retaining") {
      await log.append("short", partition, batchOf(batch));
      // In the midst of it or straight after it: on a slow disk the midst would be all that is met.
      log.retain(Date.now() + 10_000).then(die, die);
      if (random(2) === 0) dieSoon(4);
      return;
    }
  }
}

const writers = Array.from({ length: PARTITIONS * 2 }, (_, at) => write(at % PARTITIONS));
await Promise.all(writers.map((writer) => writer.catch(() => undefined)));
