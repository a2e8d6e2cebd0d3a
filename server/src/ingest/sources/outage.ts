import type { Tell } from "./source.ts";

/** How often it is said that something still fails. */
const TELL_MS = 60_000;

/**
 * Tells of something that is tried again and again: once when it begins to fail, at most once a minute
 * while it does, and once when it works again.
 */
export class Outage {
  readonly #tell: Tell;
  readonly #now: () => number;
  readonly #fields: Readonly<Record<string, unknown>>;
  #sinceMs: number | undefined;
  #attempts = 0;
  #toldMs: number | undefined;
  /** What was told last is that it fails. */
  #isOpen = false;

  /** @param now milliseconds since the epoch; @param fields of every line */
  constructor(tell: Tell, now: () => number, fields: Readonly<Record<string, unknown>>) {
    this.#tell = tell;
    this.#now = now;
    this.#fields = fields;
  }

  failed(message: string, error: string): void {
    const nowMs = this.#now();
    this.#sinceMs ??= nowMs;
    this.#attempts += 1;
    if (this.#toldMs !== undefined && nowMs - this.#toldMs < TELL_MS && nowMs >= this.#toldMs)
      return;
    this.#toldMs = nowMs;
    this.#isOpen = true;
    this.#tell("warn", message, {
      ...this.#fields,
      error,
      since: new Date(this.#sinceMs).toISOString(),
      attempts: this.#attempts,
    });
  }

  worked(message: string): void {
    if (this.#sinceMs === undefined) return;
    const lastedMs = Math.max(0, this.#now() - this.#sinceMs);
    const attempts = this.#attempts;
    this.#sinceMs = undefined;
    this.#attempts = 0;
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#tell("info", message, { ...this.#fields, lasted_ms: lastedMs, attempts });
  }
}
