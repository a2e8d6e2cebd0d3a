/**
 * A bounded queue between one writer and one reader: the writer waits while it is full, the reader
 * while it is empty.
 */
export class AnswerQueue {
  readonly #countMax: number;
  readonly #answers: Promise<string>[] = [];
  #ended = false;
  #error: unknown;
  #wakeWriter: (() => void) | undefined;
  #wakeReader: (() => void) | undefined;

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  /** Adds an answer that comes later, once there is room. Resolves to false where nobody reads. */
  async add(answer: Promise<string>): Promise<boolean> {
    // Where the reader has left, nobody waits for it any more.
    answer.catch(() => undefined);
    this.#answers.push(answer);
    this.#wakeReader?.();
    while (this.#answers.length >= this.#countMax && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wakeWriter = resolve;
      });
    }
    return !this.#ended;
  }

  /** No more answers come. @param error thrown to the reader behind the last one */
  end(error?: unknown): void {
    this.#ended = true;
    this.#error = error;
    this.#wakeReader?.();
    this.#wakeWriter?.();
  }

  /** The answers in the order in which they were added. */
  async *read(): AsyncGenerator<string, void, undefined> {
    try {
      for (;;) {
        const answer = this.#answers[0];
        if (answer !== undefined) {
          const text = await answer;
          yield text;
          // Its place is free only when the client has taken it.
          this.#answers.shift();
          this.#wakeWriter?.();
        } else if (this.#ended) {
          if (this.#error !== undefined) throw this.#error;
          return;
        } else {
          await new Promise<void>((resolve) => {
            this.#wakeReader = resolve;
          });
        }
      }
    } finally {
      this.end();
    }
  }
}
