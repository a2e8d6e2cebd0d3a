import { monitorEventLoopDelay } from "node:perf_hooks";
import type { MetricSample } from "./observer.ts";

/** Between two looks at the event loop. Each wakes a process that has nothing else to do. */
const RESOLUTION_MS = 20;

/** What the operating system and the runtime say of this process, under a name of its own. */
export function watchProcess(name: string): () => readonly MetricSample[] {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  return () => {
    const memory = process.memoryUsage();
    const cpu = process.cpuUsage();
    const seconds = (nanoseconds: number): number =>
      Math.max(0, nanoseconds / 1e9 - RESOLUTION_MS / 1000);
    const quantiles = [
      ["0.5", delay.percentile(50)],
      ["0.99", delay.percentile(99)],
      ["1", delay.max],
    ] as const;
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
        values: quantiles.map(([quantile, nanoseconds]) => ({
          labels: { process: name, quantile },
          value: seconds(nanoseconds),
        })),
      },
    ];
    delay.reset();
    return samples;
  };
}
