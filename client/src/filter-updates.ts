import type { FilterRule } from "@penstock-dev/contract/frames.ts";
import type { PenstockStreamError } from "./stream-error.ts";

/** One rule, or several; neither means everything. */
export interface WantedFilters {
  readonly filters?: FilterRule;
  readonly rules?: readonly FilterRule[];
}

interface Update {
  readonly wanted: WantedFilters;
  readonly done: () => void;
  readonly refused: (error: PenstockStreamError) => void;
}

/**
 * The filters in force, and the changes that the server has not answered yet: one is on its way at a
 * time, since an answer does not name what it answers. A change that was refused leaves no trace,
 * and one whose connection was lost is sent again.
 */
export class FilterUpdates {
  readonly #updates: Update[] = [];
  #inForce: WantedFilters;

  constructor(inForce: WantedFilters) {
    this.#inForce = inForce;
  }

  /** What a new connection subscribes with. */
  get inForce(): WantedFilters {
    return this.#inForce;
  }

  /** The change that is next, or on its way. */
  get next(): WantedFilters | undefined {
    return this.#updates[0]?.wanted;
  }

  /** Resolves when the server took the change; rejects when it refused it. */
  add(wanted: WantedFilters): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#updates.push({ wanted, done: resolve, refused: reject });
    // Who does not wait for the answer is told of a refusal by a notice.
    promise.catch(() => undefined);
    return promise;
  }

  /** The server took the change that was on its way. */
  taken(): void {
    const update = this.#updates.shift();
    if (update === undefined) return;
    this.#inForce = update.wanted;
    update.done();
  }

  /** The server refused the change that was on its way. */
  refused(error: PenstockStreamError): void {
    this.#updates.shift()?.refused(error);
  }

  /** No answer comes any more. */
  end(error: PenstockStreamError): void {
    for (const update of this.#updates.splice(0)) update.refused(error);
  }
}
