import type { Filters } from "../filter/index.ts";

/** What a query of the recent window gives. */
export interface Found {
  /** Events as JSON. */
  readonly bodies: readonly string[];
  readonly cursor: string;
  /** Whether there are others; after `recentScanMax`: whether there are others to look at. */
  readonly more: boolean;
}

/** How much of the recent window a filter matches. */
export interface Preview {
  readonly matched: number;
  /** Events that were looked at, the newest first, before it was enough. */
  readonly evaluated: number;
  /** The time that they span, up to now, in milliseconds: what a rate is reckoned by. */
  readonly spanMs: number;
  /** The newest that match, as JSON. */
  readonly sample: readonly string[];
}

/**
 * The last minutes of a stream. Deletes and undos are not listed, and what they take back is no
 * longer, from the moment that they are in the log: a query first waits until all that the log holds
 * by then was taken. One query looks at no more than `recentScanMax` says.
 *
 * All reject with a PenstockError: `storage_unavailable` where what is asked lags behind the log.
 */
export interface Recent extends AsyncDisposable {
  /**
   * The newest events that match, by the time at which the log took them, newest first. Of a filter
   * that matches little it is what was found among as many as one query looks at.
   */
  newest(filters: Filters, limit: number): Promise<Found>;
  /**
   * The oldest events behind a cursor that match, oldest first, waiting for one if there is none.
   *
   * @param waitMs at the most; 0 does not wait
   * @throws PenstockError `cursor_too_old` where the window does not reach back so far, or another
   *   of the `cursor_…` codes
   */
  after(
    filters: Filters,
    limit: number,
    cursor: string,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<Found>;
  /** How much of the window a filter matches, with the newest of it. @param samples at the most */
  preview(filters: Filters, samples: number): Promise<Preview>;
}
