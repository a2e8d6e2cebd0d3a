import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import type { Joining } from "./cold-joining.ts";
import type { Subscriber } from "./subscriber.ts";

/** Once nobody has come for so long, those who came catch up, in milliseconds. */
const QUIET_MS = 100;

/** How long a scan waits for others to come, in all: who came first is not kept for ever. */
const PATIENCE_MS = 1000;

/**
 * Those who came just behind a scan that has far to go. It waits until nobody comes any more, and
 * until a short scan has brought them to where it stands: a thousand who come back within a second
 * are read for once. One that is alone waits for nobody.
 */
export class Latecomers {
  readonly #held = new Map<Subscriber, Joining>();
  /** Waiting ends then; unknown before the first came. By a clock that is never set. */
  #patientUntilMs: number | undefined;
  #quietAtMs = 0;
  /** Scans that bring some to where this one stands. */
  #catchingUp = 0;
  #caughtUp: (() => void) | undefined;

  /** Whether one is among those who wait here. */
  has(subscriber: Subscriber): boolean {
    return this.#held.has(subscriber);
  }

  delete(subscriber: Subscriber): void {
    this.#held.delete(subscriber);
  }

  /** Those who wait; undefined where the scan has waited long enough, and nobody is taken. */
  take(): Map<Subscriber, Joining> | undefined {
    const nowMs = performance.now();
    this.#patientUntilMs ??= nowMs + PATIENCE_MS;
    if (nowMs >= this.#patientUntilMs) return undefined;
    this.#quietAtMs = nowMs + QUIET_MS;
    return this.#held;
  }

  get isEmpty(): boolean {
    return this.#held.size === 0;
  }

  /** Resolves when nobody came for a while, or the scan has waited long enough. */
  async gathered(): Promise<void> {
    for (;;) {
      const untilMs = Math.min(this.#quietAtMs, this.#patientUntilMs ?? 0);
      const waitMs = untilMs - performance.now();
      if (waitMs <= 0) return;
      await sleep(waitMs, undefined, { ref: false });
    }
  }

  /** All who waited, who wait here no longer. */
  release(): Joining[] {
    const released = [...this.#held.values()];
    this.#held.clear();
    return released;
  }

  /** One scan more is on its way to where this one stands. */
  begins(): void {
    this.#catchingUp += 1;
  }

  /** It has come there, or never will. */
  ends(): void {
    this.#catchingUp -= 1;
    if (this.#catchingUp === 0) this.#caughtUp?.();
  }

  /** Resolves when no scan is on its way here. */
  async caughtUp(): Promise<void> {
    if (this.#catchingUp === 0) return;
    await new Promise<void>((resolve) => {
      this.#caughtUp = resolve;
    });
  }
}
