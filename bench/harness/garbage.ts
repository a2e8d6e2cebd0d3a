import { PerformanceObserver } from "node:perf_hooks";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Bytes that this process holds when nothing is left to collect. */
export function heldBytes(): number {
  collect();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** From one moment to another, in milliseconds of `performance.now`. */
export interface Span {
  readonly startMs: number;
  readonly endMs: number;
}

/** Watches collections of garbage. */
export class GarbageWatch {
  #collections: Span[] = [];
  readonly #observer = new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries())
      this.#collections.push({ startMs: startTime, endMs: startTime + duration });
  });

  constructor() {
    this.#observer.observe({ entryTypes: ["gc"] });
  }

  /** The longest collection that began at a moment or later, in milliseconds. */
  async longestMs(sinceMs: number): Promise<number> {
    await told();
    const since = this.#collections.filter(({ startMs }) => startMs >= sinceMs);
    return Math.max(0, ...since.map(({ startMs, endMs }) => endMs - startMs));
  }

  /** How much of a span went into collections, in milliseconds. */
  async withinMs(span: Span): Promise<number> {
    await told();
    return this.#collections.reduce((sum, { startMs, endMs }) => {
      const overlap = Math.min(endMs, span.endMs) - Math.max(startMs, span.startMs);
      return sum + Math.max(0, overlap);
    }, 0);
  }

  stop(): void {
    this.#observer.disconnect();
  }
}

/** Resolves when the observer knows of what was collected until now: it is told a turn later. */
async function told(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 20));
}
