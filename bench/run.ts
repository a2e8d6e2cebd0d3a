/**
 * The runner of the benchmarks: `npm run bench -- fanout`, `-- --list`, `-- all`, `-- smoke`,
 * `-- report`. Each scenario runs in a process group of its own, so that one that fails or hangs
 * leaves nothing behind and stops no other.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runHere } from "./harness/run-scenario.ts";
import type { Size } from "./harness/scenario.ts";
import { writeReport } from "./report/report.ts";
import { scenarios } from "./scenarios/index.ts";

/** What a scenario may take before it is ended. */
const SCENARIO_TIMEOUT_MS = 8 * 60_000;
const HELP = `npm run bench -- NAME...        runs scenarios and writes bench/results/NAME.json
npm run bench -- all            runs all of them, one after the other, then reports
npm run bench -- --list         says which there are
npm run bench -- smoke          the smallest size of the first, to see that the benches work
npm run bench -- report         writes bench/RESULTS.md and the plots from bench/results
  --small     the smallest size: shows that it works; nothing is written
  --seed N    of whatever is random (1)`;

const { values, positionals } = asked();

/** What was asked for; ends the program where it cannot be understood. */
function asked() {
  try {
    const parsed = parseArgs({
      allowPositionals: true,
      options: {
        all: { type: "boolean", default: false },
        list: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
        small: { type: "boolean", default: false },
        here: { type: "boolean", default: false },
        seed: { type: "string", default: "1" },
      },
    });
    if (/^\d+$/.test(parsed.values.seed)) return parsed;
    console.error(`--seed ${parsed.values.seed} is no whole number`);
  } catch (caught) {
    console.error(caught instanceof Error ? caught.message : String(caught));
  }
  console.error(HELP);
  process.exit(2);
}

async function main(): Promise<number> {
  const [first] = positionals;
  if (values.list) {
    for (const { name, title } of scenarios) console.log(`${name.padEnd(20)} ${title}`);
    return 0;
  }
  if (first === "report") {
    await writeReport();
    return 0;
  }
  const all = values.all || first === "all";
  const isSmoke = first === "smoke";
  const names = all ? scenarios.map(({ name }) => name) : isSmoke ? ["fanout"] : positionals;
  const unknown = names.find((name) => !scenarios.some((scenario) => scenario.name === name));
  if (values.help || names.length === 0 || unknown !== undefined) {
    if (unknown !== undefined) console.error(`there is no scenario ${unknown}: see --list`);
    console.log(HELP);
    return values.help ? 0 : 2;
  }
  const size: Size = values.small || isSmoke ? "small" : "full";
  let failed = 0;
  for (const name of names) failed += await (values.here ? here(name, size) : apart(name, size));
  if (all && size === "full") await writeReport();
  return failed === 0 ? 0 : 1;
}

async function here(name: string, size: Size): Promise<number> {
  const scenario = scenarios.find((one) => one.name === name);
  if (scenario === undefined) throw new Error(`there is no scenario ${name}`);
  const state = await runHere(scenario, { size, seed: Number(values.seed) });
  return state === "failed" ? 1 : 0;
}

/** Runs a scenario in a group of processes, all of which are ended with it. */
async function apart(name: string, size: Size): Promise<number> {
  const { nodeOptions = [] } = scenarios.find((one) => one.name === name) ?? {};
  const args = [...nodeOptions, import.meta.filename, name, "--here", "--seed", values.seed];
  if (size === "small") args.push("--small");
  // Whatever the scenario leaves on disk goes with this folder.
  const temporary = mkdtempSync(join(tmpdir(), "penstock-bench-run-"));
  const env = { ...process.env, TMPDIR: temporary };
  const child = spawn(process.execPath, args, { stdio: "inherit", detached: true, env });
  const group = child.pid as number;
  const end = (): void => {
    try {
      process.kill(-group, "SIGKILL");
    } catch {
      // Every process of the group has ended.
    }
    rmSync(temporary, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  };
  const interrupted = (): void => {
    end();
    process.exit(130);
  };
  process.once("SIGINT", interrupted);
  process.once("SIGTERM", interrupted);
  const timer = setTimeout(() => {
    console.error(`${name} took longer than ${SCENARIO_TIMEOUT_MS / 1000} s and is ended`);
    end();
  }, SCENARIO_TIMEOUT_MS);
  const [code] = (await once(child, "exit")) as [number | null];
  clearTimeout(timer);
  end();
  process.off("SIGINT", interrupted);
  process.off("SIGTERM", interrupted);
  return code === 0 ? 0 : 1;
}

process.exitCode = await main();
