/** Upper bounds of the buckets of `penstock_delivery_seconds`, in milliseconds. */
export const LAG_BOUNDS_MS: readonly number[] = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 60_000, 600_000,
];

/** Time from the log to the socket, counted by bucket: one call for a lane, whatever its members. */
export class LagHistogram {
  readonly counts = new Float64Array(LAG_BOUNDS_MS.length + 1);
  sumMs = 0;

  observe(lagMs: number, clients: number): void {
    let bucket = 0;
    while (bucket < LAG_BOUNDS_MS.length && lagMs > (LAG_BOUNDS_MS[bucket] ?? 0)) bucket += 1;
    this.counts[bucket] = (this.counts[bucket] ?? 0) + clients;
    this.sumMs += lagMs * clients;
  }
}
