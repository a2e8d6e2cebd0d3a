const BAR_WIDTH = 30;
const SHOW_MS = 100;
const SHOW_PLAIN_MS = 3000;
const REFUSALS_SHOWN = 20;

/** How far a long publish is: a bar in a terminal, a line now and then elsewhere. */
export class Progress {
  readonly #out: NodeJS.WriteStream;
  readonly #startMs = Date.now();
  /** How much of the input is done, from 0 to 1; undefined where nobody knows how much there is. */
  share: number | undefined;
  #shownMs = Date.now();
  accepted = 0;
  refused = 0;

  constructor(share: number | undefined, out: NodeJS.WriteStream) {
    this.share = share;
    this.#out = out;
  }

  refuse(reason: string): void {
    this.refused += 1;
    if (this.refused > REFUSALS_SHOWN) return;
    this.#out.write(`${this.#out.isTTY ? "\r\u001b[K" : ""}${reason}\n`);
    if (this.refused === REFUSALS_SHOWN) this.#out.write("further refusals are counted only\n");
  }

  show(): void {
    const nowMs = Date.now();
    if (nowMs - this.#shownMs < (this.#out.isTTY ? SHOW_MS : SHOW_PLAIN_MS)) return;
    this.#shownMs = nowMs;
    this.#out.write(this.#out.isTTY ? `\r\u001b[K${this.#line()}` : `${this.#line()}\n`);
  }

  finish(): void {
    if (this.#out.isTTY) this.#out.write(`\r\u001b[K${this.#line()}\n`);
  }

  #line(): string {
    const seconds = Math.max(0.001, (Date.now() - this.#startMs) / 1000);
    const rate = `${this.accepted} records, ${Math.round(this.accepted / seconds)}/s`;
    if (this.share === undefined) return rate;
    const filled = Math.round(this.share * BAR_WIDTH);
    return `[${"█".repeat(filled)}${"·".repeat(BAR_WIDTH - filled)}] ${Math.round(this.share * 100)} %  ${rate}`;
  }
}
