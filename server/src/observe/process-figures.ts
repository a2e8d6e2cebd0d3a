import { mergeSamples } from "./merge-samples.ts";
import type { MetricSample } from "./observer.ts";

/** What a process counted in all, which it says once nobody is connected to it any more. */
export interface Leaving {
  readonly name: string;
  readonly samples: readonly MetricSample[];
}

/**
 * The figures of processes that come and go, as those of one server. What a process counted that is gone
 * stays counted: a counter that falls would pass for one that began anew.
 */
export class ProcessFigures {
  readonly #newest = new Map<string, readonly MetricSample[]>();
  /** Processes that have said the last of themselves. */
  readonly #leaving = new Set<string>();
  #gone: readonly MetricSample[] = [];

  /** What a process says of itself, in place of what it said before. */
  take(process: string, samples: readonly MetricSample[]): void {
    // An answer may come behind the process's last word, and be older.
    if (!this.#leaving.has(process)) this.#newest.set(process, samples);
  }

  /** The last that a process says of itself. */
  takeLast({ name, samples }: Leaving): void {
    this.#newest.set(name, samples);
    this.#leaving.add(name);
  }

  /** A process is gone: its gauges with it. */
  leave(process: string): void {
    this.#leaving.delete(process);
    const last = this.#newest.get(process);
    if (last === undefined) return;
    this.#newest.delete(process);
    this.#gone = mergeSamples([this.#gone, last.filter(isKept).map(ofNoProcess)]);
  }

  /** All of them together. */
  merged(): readonly MetricSample[] {
    return mergeSamples([this.#gone, ...this.#newest.values()]);
  }
}

function isKept({ kind }: MetricSample): boolean {
  return kind !== "gauge";
}

/** Without what is told of each process by its name. */
function ofNoProcess(sample: MetricSample): MetricSample {
  return { ...sample, values: sample.values.filter(({ labels }) => labels.process === undefined) };
}
