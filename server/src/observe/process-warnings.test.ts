import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { createObserver, logWarnings } from "./index.ts";

test("warnings of the runtime are lines of the log, those of experiments at debug", async () => {
  const lines: Record<string, unknown>[] = [];
  const untold: string[] = [];
  const mine = ({ name }: Error): void => void untold.push(name);
  process.on("warning", mine);
  const unlog = logWarnings();
  try {
    process.emitWarning("nobody listens", "Early");
    await once(process, "warning");
    const observer = createObserver({
      level: "info",
      destination: { write: (line: string) => lines.push(JSON.parse(line)) },
      collect: async () => [],
    });
    process.emitWarning("it will break", { type: "DeprecationWarning", code: "DEP1" });
    process.emitWarning("it is new", "ExperimentalWarning");
    await turn();
    observer.close();
  } finally {
    unlog();
    process.removeListener("warning", mine);
  }
  assert.deepEqual(
    lines.map(({ level, msg, name, code, warning }) => ({ level, msg, name, code, warning })),
    [
      {
        level: 40,
        msg: "the runtime warns",
        name: "DeprecationWarning",
        code: "DEP1",
        warning: "it will break",
      },
    ],
  );
  assert.deepEqual(untold, ["Early"], "the runtime tells what no log takes");
});
