import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { RESULTS } from "../harness/run-scenario.ts";
import type { Result } from "../harness/scenario.ts";
import { scenarios } from "../scenarios/index.ts";
import { markdown } from "./markdown.ts";
import { drawPlot } from "./plot.ts";

const BENCH = join(import.meta.dirname, "..");
const PLOTS = join(BENCH, "plots");

/** Writes bench/RESULTS.md and the plots from what is in bench/results. */
export async function writeReport(): Promise<void> {
  const results = await readResults();
  if (results.length === 0) throw new Error("there are no results yet: run a scenario first");
  await mkdir(PLOTS, { recursive: true });
  for (const name of await readdir(PLOTS)) if (name.endsWith(".svg")) await rm(join(PLOTS, name));
  for (const { plots = [] } of results)
    for (const plot of plots)
      await writeFile(join(PLOTS, `${plot.name}.svg`), `${drawPlot(plot)}\n`);
  await writeFile(join(BENCH, "RESULTS.md"), markdown(results));
  console.log(`bench/RESULTS.md tells of ${results.length} scenarios`);
}

/** Results in the order of the scenarios; those of scenarios that there are no more are passed over. */
async function readResults(): Promise<Result[]> {
  const results: Result[] = [];
  for (const { name } of scenarios) {
    try {
      results.push(JSON.parse(await readFile(join(RESULTS, `${name}.json`), "utf8")) as Result);
    } catch (caught) {
      if ((caught as NodeJS.ErrnoException).code !== "ENOENT") throw caught;
    }
  }
  return results;
}
