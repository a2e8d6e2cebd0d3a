/** Publishes raw records, in order and for sure: what was not acknowledged is sent again. */
export class Publisher {
  readonly #base: () => string;
  acknowledged = 0;
  /** Bodies that were sent again because their answer did not come. */
  resent = 0;
  readonly refusals: string[] = [];

  constructor(base: () => string) {
    this.#base = base;
  }

  /** Resolves once the log has them. */
  async publish(stream: string, records: readonly object[]): Promise<void> {
    let left = records;
    const deadlineMs = Date.now() + 60_000;
    while (left.length > 0) {
      if (Date.now() > deadlineMs) throw new Error("records were not acknowledged for a minute");
      const taken = await this.#send(stream, left);
      this.acknowledged += taken;
      left = left.slice(taken);
      if (left.length === 0) return;
      this.resent += 1;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Answers how many, from the first on, are done with. */
  async #send(stream: string, records: readonly object[]): Promise<number> {
    let done = 0;
    try {
      const response = await fetch(`${this.#base()}/v1/ingest/${stream}`, {
        method: "POST",
        headers: { "content-type": "application/x-ndjson" },
        body: records.map((record) => `${JSON.stringify(record)}\n`).join(""),
      });
      for (const line of (await response.text()).split("\n")) {
        if (line === "") continue;
        const { status } = JSON.parse(line) as { status: number };
        if (status >= 500) break;
        if (status !== 202) this.refusals.push(line);
        done += 1;
      }
    } catch {
      // The server went away; the answers that came before hold.
    }
    return done;
  }
}
