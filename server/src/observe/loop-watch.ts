import { createHistogram, performance } from "node:perf_hooks";

/** Between two looks at an event loop that has work, in milliseconds: what holds it for less may not be seen. */
const LOOK_MS = 5;

/** The same of one that has hardly any: a look wakes the process. */
const IDLE_LOOK_MS = 50;

/** A loop that used less of its time than this has hardly any work. */
const IDLE_SHARE = 0.1;

/** Quantiles of times in seconds, of the looks since the last reading. */
export type LoopTimes = Readonly<Record<"0.5" | "0.99" | "1", number>>;

/**
 * Measures an event loop as `monitorEventLoopDelay` of Node does, by how late a timer is, and besides how much of that was
 * the process's own work: on a machine with more to do than it has cores, a process is late
 * whenever it waits for one.
 */
export class LoopWatch implements Disposable {
  readonly #late = createHistogram();
  readonly #turns = createHistogram();
  #timer: NodeJS.Timeout;
  #waitMs = LOOK_MS;
  #lastMs = performance.now();
  #lastCpuMs = threadCpuMs();

  constructor() {
    this.#timer = setTimeout(() => this.#look(), LOOK_MS).unref();
  }

  #look(): void {
    const nowMs = performance.now();
    const cpuMs = threadCpuMs();
    const lateMs = Math.max(0, nowMs - this.#lastMs - this.#waitMs);
    const usedMs = cpuMs - this.#lastCpuMs;
    record(this.#late, lateMs);
    // The turn that made it late took no more than that, nor more than all of them since the last look.
    record(this.#turns, Math.min(lateMs, usedMs));
    this.#waitMs = usedMs < (nowMs - this.#lastMs) * IDLE_SHARE ? IDLE_LOOK_MS : LOOK_MS;
    this.#lastMs = nowMs;
    this.#lastCpuMs = cpuMs;
    this.#timer = setTimeout(() => this.#look(), this.#waitMs).unref();
  }

  /**
   * How late the loop was, and what of CPU the turns took at most that made it so, since this was asked
   * last.
   */
  read(): { readonly late: LoopTimes; readonly turns: LoopTimes } {
    const read = { late: timesOf(this.#late), turns: timesOf(this.#turns) };
    this.#late.reset();
    this.#turns.reset();
    return read;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}

function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

type Recorder = ReturnType<typeof createHistogram>;

/** A histogram of Node's takes whole numbers from 1 on: microseconds here. */
function record(histogram: Recorder, ms: number): void {
  histogram.record(Math.max(1, Math.round(ms * 1000)));
}

function timesOf(histogram: Recorder): LoopTimes {
  const seconds = (micros: number): number => (histogram.count === 0 ? 0 : micros / 1e6);
  return {
    "0.5": seconds(histogram.percentile(50)),
    "0.99": seconds(histogram.percentile(99)),
    "1": seconds(histogram.max),
  };
}
