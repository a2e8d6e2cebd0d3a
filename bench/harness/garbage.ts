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

/** Watches how long collections of garbage take. */
export class GarbageWatch {
  #longestMs = 0;
  readonly #observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries())
      this.#longestMs = Math.max(this.#longestMs, duration);
  });

  constructor() {
    this.#observer.observe({ entryTypes: ["gc"] });
  }

  /** The longest collection since the last call, in milliseconds. */
  async longestMs(): Promise<number> {
    // Entries are told a turn later.
    await new Promise((resolve) => setTimeout(resolve, 20));
    const longest = this.#longestMs;
    this.#longestMs = 0;
    return longest;
  }

  stop(): void {
    this.#observer.disconnect();
  }
}
