import { type LoopTimes, LoopWatch } from "./loop-watch.ts";
import type { MetricSample } from "./observer.ts";

/** What the operating system and the runtime say of this process, under a name of its own. */
export function watchProcess(name: string): () => readonly MetricSample[] {
  const loop = new LoopWatch();
  const quantilesOf = (times: LoopTimes) =>
    Object.entries(times).map(([quantile, value]) => ({
      labels: { process: name, quantile },
      value,
    }));
  return () => {
    const memory = process.memoryUsage();
    const cpu = process.cpuUsage();
    const { late, turns } = loop.read();
    const samples: readonly MetricSample[] = [
      {
        name: "penstock_process_memory_bytes",
        help: "Memory of a process of the server, by kind.",
        kind: "gauge",
        values: [
          { labels: { process: name, kind: "resident" }, value: memory.rss },
          { labels: { process: name, kind: "heap" }, value: memory.heapUsed },
          { labels: { process: name, kind: "external" }, value: memory.external },
        ],
      },
      {
        name: "penstock_process_cpu_seconds_total",
        help: "CPU time of a process of the server.",
        kind: "counter",
        values: [{ labels: { process: name }, value: (cpu.user + cpu.system) / 1e6 }],
      },
      {
        name: "penstock_event_loop_delay_seconds",
        help: "How late the event loop of a process was, since the last look.",
        kind: "gauge",
        values: quantilesOf(late),
      },
      {
        name: "penstock_event_loop_turn_seconds",
        help: "CPU time of the turns that made the event loop of a process late, at most, since the last look.",
        kind: "gauge",
        values: quantilesOf(turns),
      },
    ];
    return samples;
  };
}
