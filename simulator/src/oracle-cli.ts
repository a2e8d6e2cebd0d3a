/** `npm run oracle -- --seed 7 --clients 200 --seconds 30 --faults cut,filters,kill`: by hand. */
import { parseArgs } from "node:util";
import { FAULTS, type Fault } from "./faults.ts";
import { run } from "./run.ts";

const HELP = `Runs the oracle: a seeded world, a server, a swarm of clients, faults, and a judgement.

  --seed N        of the first run (default 1)
  --runs N        how many seeds, one after the other (default 1)
  --clients N     (default 50)
  --seconds N     how long events flow (default 5)
  --rate N        raw records a second (default 300)
  --workers N     processes that serve the clients (default: 0, or 3 where a fault needs them)
  --depths LIST   depths of reorgs (default 1,2,5,12,33,64)
  --faults LIST   any of ${FAULTS.join(", ")}, or all, or none (default cut,filters,slow)`;

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    runs: { type: "string", default: "1" },
    clients: { type: "string", default: "50" },
    seconds: { type: "string", default: "5" },
    rate: { type: "string", default: "300" },
    workers: { type: "string" },
    depths: { type: "string", default: "1,2,5,12,33,64" },
    faults: { type: "string", default: "cut,filters,slow" },
    help: { type: "boolean", default: false },
  },
});

if (values.help) {
  console.log(HELP);
} else {
  const faults = readFaults(values.faults);
  let failed = 0;
  for (let number = 0; number < Number(values.runs); number++) {
    const report = await run({
      seed: Number(values.seed) + number,
      clients: Number(values.clients),
      seconds: Number(values.seconds),
      rate: Number(values.rate),
      ...(values.workers === undefined ? {} : { workers: Number(values.workers) }),
      depths: values.depths.split(",").map(Number),
      faults,
      progress: (line) => console.log(line),
    });
    const { problems, ...counts } = report;
    console.log(JSON.stringify(counts));
    for (const problem of problems.slice(0, 20)) console.log(`  ${problem}`);
    console.log(
      problems.length === 0
        ? `seed ${report.seed}: everything promised held`
        : `seed ${report.seed}: ${problems.length} problems`,
    );
    if (problems.length > 0) failed += 1;
  }
  process.exitCode = failed === 0 ? 0 : 1;
}

function readFaults(text: string): ReadonlySet<Fault> {
  if (text === "all") return new Set(FAULTS);
  if (text === "none") return new Set();
  const names = text.split(",");
  const wrong = names.find((name) => !FAULTS.includes(name as Fault));
  if (wrong !== undefined)
    throw new Error(`there is no fault ${wrong}; there are ${FAULTS.join(", ")}`);
  return new Set(names as Fault[]);
}
