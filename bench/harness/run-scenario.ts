import { mkdir, writeFile } from "node:fs/promises";
import { loadavg } from "node:os";
import { join } from "node:path";
import { styleText } from "node:util";
import { machine, versions } from "./machine.ts";
import { UnsupportedError } from "./penstock-server.ts";
import {
  type Bench,
  isMet,
  type Outcome,
  type Result,
  type Scenario,
  type Size,
} from "./scenario.ts";

/** Where results lie, a file a scenario. */
export const RESULTS = join(import.meta.dirname, "../results");

/** Runs a scenario in this process, prints what it found, and keeps it if it is of full size. */
export async function runHere(
  { name, title, run }: Scenario,
  { size, seed }: { readonly size: Size; readonly seed: number },
): Promise<Result["state"]> {
  const startedAt = new Date();
  const on = machine();
  const with_ = versions();
  const notes: string[] = [];
  console.log(styleText("bold", `\n${name}: ${title}`));
  console.log(
    `${on.cores} × ${on.cpu}, ${on.memoryGib} GiB, Linux ${on.kernel}, seed ${seed}, ${size}`,
  );
  console.log(
    Object.entries(with_)
      .map(([what, version]) => `${what} ${version}`)
      .join(", "),
  );
  const [load = 0] = loadavg();
  if (load > on.cores / 2 && size === "full") {
    notes.push(`the machine was busy when this began (load average ${load.toFixed(1)})`);
    console.log(`  ${notes.at(-1)}`);
  }
  let outcome: Outcome = { figures: [], goals: [] };
  let state: Result["state"] = "done";
  try {
    await using stack = new AsyncDisposableStack();
    const bench: Bench = {
      size,
      seed,
      stack,
      say: (line) => console.log(`  ${line}`),
      note: (line) => {
        notes.push(line);
        console.log(`  ${line}`);
      },
      pick: (full, small) => (size === "full" ? full : small),
    };
    outcome = await run(bench);
  } catch (caught) {
    state = caught instanceof UnsupportedError ? "unsupported" : "failed";
    notes.push(caught instanceof Error ? caught.message : String(caught));
    console.error(state === "failed" ? caught : `  ${notes.at(-1)}`);
  }
  const result: Result = {
    scenario: name,
    title,
    state,
    notes,
    ...outcome,
    size,
    seed,
    startedAt: startedAt.toISOString(),
    seconds: Math.round((Date.now() - startedAt.getTime()) / 100) / 10,
    machine: on,
    versions: with_,
  };
  print(result);
  if (size === "full") {
    await mkdir(RESULTS, { recursive: true });
    await writeFile(join(RESULTS, `${name}.json`), `${JSON.stringify(result, null, 2)}\n`);
  }
  return state;
}

function print({ figures, goals, state, seconds, size }: Result): void {
  for (const { name, value, unit, min, max } of figures) {
    const between =
      min === undefined || max === undefined ? "" : `  (${show(min)} to ${show(max)})`;
    console.log(`  ${name.padEnd(64)} ${show(value).padStart(10)} ${unit}${between}`);
  }
  for (const goal of goals) {
    const judged = isMet(goal) ? styleText("green", "met") : styleText("red", "not met");
    // A run of small size says nothing about a goal.
    const told = size === "full" ? `  ${boundOf(goal)}: ${judged}` : "";
    console.log(`  ${goal.name.padEnd(64)} ${show(goal.value).padStart(10)} ${goal.unit}${told}`);
  }
  if (size === "small")
    console.log("  of the smallest size: it shows that the bench works, no more");
  console.log(`  ${state} in ${seconds} s`);
}

/** A goal's bound as it is read. */
export function boundOf({
  atMost,
  atLeast,
  unit,
}: {
  atMost?: number;
  atLeast?: number;
  unit: string;
}): string {
  if (atMost !== undefined) return `at most ${show(atMost)} ${unit}`;
  return atLeast === undefined ? "no bound" : `at least ${show(atLeast)} ${unit}`;
}

/** A number with three digits that count. */
export function show(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en");
  return String(Number(value.toPrecision(3)));
}
