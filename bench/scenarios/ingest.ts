/**
 * What comes in over HTTP with a durable acknowledgement: NDJSON over one connection and over eight,
 * and single posts over 64. The baseline answers the same requests and keeps nothing.
 */
import { join } from "node:path";
import { postSingles, sendLines } from "../harness/ingest-client.ts";
import { PenstockServer } from "../harness/penstock-server.ts";
import { Program } from "../harness/program.ts";
import type { Bench, Figure, Outcome, Scenario } from "../harness/scenario.ts";
import { spreadFigure } from "../harness/scenario.ts";
import { ratio, spread } from "../harness/statistics.ts";

const CONNECTIONS = 64;

interface Kind {
  readonly name: string;
  readonly count: number;
  readonly send: (url: string, from: number) => Promise<number>;
}

function kindsOf(records: number): Kind[] {
  const lines = (connections: number): Kind => {
    const each = Math.floor(records / connections);
    return {
      name: `NDJSON over ${connections} connection${connections === 1 ? "" : "s"}`,
      count: each * connections,
      send: async (url, from) => {
        const parts = Array.from({ length: connections }, (_, at) =>
          sendLines(url, from + at * each, each),
        );
        return (await Promise.all(parts)).reduce((sum, part) => sum + part, 0);
      },
    };
  };
  const singles = Math.ceil(records / 10);
  return [
    lines(1),
    lines(8),
    {
      name: `single posts over ${CONNECTIONS} connections`,
      count: singles,
      send: async (url, from) => await postSingles(url, from, singles, CONNECTIONS),
    },
  ];
}

async function run(bench: Bench): Promise<Outcome> {
  const server = bench.stack.use(await PenstockServer.start());
  const baseline = bench.stack.use(
    await Program.start({
      command: process.execPath,
      args: [join(import.meta.dirname, "../baselines/answering.ts")],
      ready: /^(\d+)\n/,
    }),
  );
  const ours = `${server.url}/v1/ingest/tweets`;
  const theirs = `http://127.0.0.1:${baseline.said[1]}/`;
  const figures: Figure[] = [];
  let next = 0;
  const rate = async ({ count, send }: Kind, url: string): Promise<number> => {
    const startMs = performance.now();
    const acknowledged = await send(url, next);
    next += count;
    if (acknowledged !== count) throw new Error(`${acknowledged} of ${count} were acknowledged`);
    return (count * 1000) / (performance.now() - startMs);
  };
  for (const kind of kindsOf(bench.pick(40_000, 640))) {
    const rates: number[] = [];
    const baselines: number[] = [];
    const cpus: number[] = [];
    for (let round = -1; round < bench.pick(3, 1); round++) {
      await server.settled();
      const cpuBefore = server.cpuMicros;
      const own = await rate(kind, ours);
      // What was taken in is processed and stored in the same process: that is counted too.
      await server.settled();
      const cpu = (server.cpuMicros - cpuBefore) / kind.count;
      const bare = await rate(kind, theirs);
      if (round < 0) continue;
      rates.push(own);
      baselines.push(bare);
      cpus.push(cpu);
    }
    figures.push(
      spreadFigure(`${kind.name}: acknowledged a second`, spread(rates), "/s"),
      spreadFigure(`${kind.name}: time against answering alone`, ratio(baselines, rates), "x"),
      spreadFigure(`${kind.name}: CPU each, processing and storing counted`, spread(cpus), "µs"),
    );
  }
  return { figures, goals: [] };
}

export const ingest: Scenario = {
  name: "ingest",
  title: "taking in over HTTP with a durable acknowledgement",
  run,
};
