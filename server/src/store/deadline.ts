/** A time after which waiting ends, or when one of some signals aborts; it costs nothing once it is disposed of. */
export class Deadline implements Disposable {
  readonly signal: AbortSignal;
  readonly #timer: NodeJS.Timeout;

  constructor(withinMs: number, ...signals: readonly AbortSignal[]) {
    const over = new AbortController();
    this.#timer = setTimeout(() => over.abort(), withinMs);
    this.#timer.unref();
    this.signal = AbortSignal.any([over.signal, ...signals]);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
