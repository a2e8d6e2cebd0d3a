import { performance } from "node:perf_hooks";

/** The time to within a tick, for whoever asks with every write: one timer reads the clock for all. */
export class CoarseClock implements Disposable {
  readonly #timer: NodeJS.Timeout;
  #nowMs = Math.floor(performance.now());

  constructor(tickMs: number) {
    this.#timer = setInterval(() => {
      this.#nowMs = Math.floor(performance.now());
    }, tickMs);
    this.#timer.unref();
  }

  /** Whole milliseconds of a clock that never jumps. */
  get nowMs(): number {
    return this.#nowMs;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
