import type { Stream } from "../streams/index.ts";
import type { FieldKind } from "./kinds/field-kind.ts";
import { kindOf } from "./kinds/kinds.ts";
import { Numbers } from "./numbers.ts";
import type { PostingLists } from "./posting-lists.ts";
import { RangeTable } from "./range-table.ts";

/** Numbers of late events that tell how much a range is likely to hold. */
const SAMPLES = 64;

/** One field as an index holds it: what stands under it, and what the event in hand has of it. */
export class IndexField {
  readonly number: number;
  readonly name: string;
  readonly kind: FieldKind;
  /** Whether an index may decide by numbers of terms: whole values, or phrases. */
  readonly byTerms: boolean;
  readonly phrases: boolean;
  /** Whether it may decide by bounds. */
  readonly byBounds: boolean;
  /** How many values there are, where they are few. */
  readonly valuesCount: number | undefined;
  readonly ranges: RangeTable;
  /** Rules of a kind that tells neither terms nor spans: only a scan leads to them. */
  readonly others: number;
  /** Conditions on it. */
  asked = 0;
  /** Rules that stand under a condition on it. */
  standing = 0;
  /** Events that were counted lately. */
  seen = 0;
  /** The stamp of the view that the following were taken from. */
  stamp = 0;
  /** Numbers of the terms and phrases that the event has, of those that filters ask for. */
  readonly ids = new Numbers();
  /** Those of them under which rules stand. */
  readonly leads = new Numbers();
  /** Whether the event in hand counts for how frequent terms are. */
  isCounted = false;
  /** The event's number, NaN where it has none, and its exact text. */
  point = Number.NaN;
  decimal = "";
  readonly #samples = new Float64Array(SAMPLES).fill(Number.NaN);
  #sampled = 0;

  constructor(number: number, name: string, stream: Stream, postings: PostingLists) {
    const definition = stream.fields.get(name);
    this.number = number;
    this.name = name;
    this.kind = kindOf(definition?.kind ?? "exact");
    this.phrases = this.kind.means === "phrases";
    this.byTerms = this.phrases || this.kind.means === "members";
    this.byBounds = this.kind.means === "numbers";
    this.valuesCount = definition?.values?.length;
    this.ranges = new RangeTable();
    this.others = postings.makeList();
  }

  /** Whether an event's number leads anywhere. */
  get hasPoint(): boolean {
    return this.kind.point !== undefined;
  }

  sample(point: number): void {
    this.#samples[this.#sampled % SAMPLES] = point;
    this.#sampled += 1;
  }

  /** How likely an event's number lies between bounds: half, before there were any. */
  shareOf(min: number, max: number): number {
    const count = Math.min(this.#sampled, SAMPLES);
    let inside = 0;
    for (let at = 0; at < count; at++) {
      const point = this.#samples[at] as number;
      if (point >= min && point <= max) inside += 1;
    }
    return (inside + 1) / (count + 2);
  }
}
