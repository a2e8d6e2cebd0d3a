/** Buckets for each doubling: a quantile is right within 3 %. */
const PER_DOUBLING = 32;
const DOUBLINGS = 40;

/** Times in microseconds, counted in buckets that grow with them. */
export class LatencyHistogram {
  readonly counts: number[];
  max: number;

  constructor(from?: { readonly counts: readonly number[]; readonly max: number }) {
    this.counts =
      from === undefined ? new Array(PER_DOUBLING * DOUBLINGS).fill(0) : [...from.counts];
    this.max = from?.max ?? 0;
  }

  record(micros: number): void {
    const at = micros < 1 ? 0 : Math.floor(Math.log2(micros) * PER_DOUBLING);
    const bucket = Math.min(at, this.counts.length - 1);
    this.counts[bucket] = (this.counts[bucket] as number) + 1;
    if (micros > this.max) this.max = micros;
  }

  add(other: { readonly counts: readonly number[]; readonly max: number }): void {
    for (const [at, count] of other.counts.entries())
      this.counts[at] = (this.counts[at] as number) + count;
    this.max = Math.max(this.max, other.max);
  }

  get count(): number {
    return this.counts.reduce((sum, count) => sum + count, 0);
  }

  /** The upper end of the bucket in which a part of the times has ended, in microseconds. */
  quantile(part: number): number {
    const wanted = part * this.count;
    let sum = 0;
    for (const [at, count] of this.counts.entries()) {
      sum += count;
      if (count > 0 && sum >= wanted) return Math.min(this.max, 2 ** ((at + 1) / PER_DOUBLING));
    }
    return this.max;
  }
}
