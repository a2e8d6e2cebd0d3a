import { hashTerm } from "@penstock-dev/contract";
import type { Stream } from "../streams/index.ts";
import type { EventTerms, TermsView } from "./event-terms.ts";
import type { Filters } from "./filters.ts";
import { type Rule, ruleHolds } from "./rule.ts";
import { TermTable } from "./term-table.ts";

/** One rule in the index, with whose it is. */
interface IndexedRule {
  readonly rule: Rule;
  readonly holder: Holder;
  /** The field whose terms lead to it; undefined where only a scan does. */
  readonly field: string | undefined;
  readonly terms: readonly string[];
}

interface Holder {
  readonly owner: unknown;
  readonly tagged: boolean;
  readonly rules: IndexedRule[];
  /** The event that matched it last. */
  stamp: number;
  tags: string[];
}

/** What `add` gives, for `remove`. */
export type FilterHandle = Holder;

/**
 * Finds the filters that an event matches. Each rule stands under the terms of its most selective
 * condition; an event's terms lead to the candidates, which are then verified. The cost grows with
 * the candidates, not with the filters.
 *
 * Broadcast events are not looked up here: `couldMatch` says whom they reach.
 */
export class FilterIndex<T> {
  readonly #stream: Stream;
  readonly #fields = new Map<string, TermTable<IndexedRule>>();
  /** Rules that no term leads to: those without conditions, and those of ranges alone. */
  readonly #scanned = new Set<IndexedRule>();
  readonly #holders = new Set<Holder>();
  readonly #tagSets = new Map<string, readonly string[]>();
  #stamp = 0;

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  get size(): number {
    return this.#holders.size;
  }

  add(filters: Filters, owner: T): FilterHandle {
    const holder: Holder = { owner, tagged: filters.tagged, rules: [], stamp: 0, tags: [] };
    for (const rule of filters.rules) {
      const indexed = { rule, holder, ...this.#access(rule) };
      holder.rules.push(indexed);
      if (indexed.field === undefined) {
        this.#scanned.add(indexed);
        continue;
      }
      const table = this.#table(indexed.field);
      for (const term of indexed.terms) table.add(term, indexed);
    }
    this.#holders.add(holder);
    return holder;
  }

  remove(handle: FilterHandle): void {
    if (!this.#holders.delete(handle)) return;
    for (const indexed of handle.rules) {
      this.#scanned.delete(indexed);
      if (indexed.field === undefined) continue;
      const table = this.#table(indexed.field);
      for (const term of indexed.terms) table.delete(term, indexed);
      if (table.size === 0) this.#fields.delete(indexed.field);
    }
  }

  /** Tells each owner at most once, with the sorted tags of its rules that matched. */
  match(terms: EventTerms, found: (owner: T, tags: readonly string[] | undefined) => void): void {
    this.#stamp += 1;
    const tagged: Holder[] = [];
    const consider = (indexed: IndexedRule, view: TermsView): void => {
      const { holder, rule } = indexed;
      if (holder.stamp === this.#stamp && (!holder.tagged || holder.tags.includes(rule.tag ?? "")))
        return;
      if (!ruleHolds(rule, view, terms)) return;
      if (!holder.tagged) {
        holder.stamp = this.#stamp;
        found(holder.owner as T, undefined);
        return;
      }
      if (holder.stamp !== this.#stamp) {
        holder.stamp = this.#stamp;
        holder.tags = [];
        tagged.push(holder);
      }
      if (rule.tag !== undefined) holder.tags.push(rule.tag);
    };
    for (const view of terms.views) this.#candidates(view, consider);
    for (const holder of tagged) found(holder.owner as T, this.#tagSet(holder.tags));
  }

  #candidates(view: TermsView, consider: (indexed: IndexedRule, view: TermsView) => void): void {
    if (view.known !== undefined) {
      // What little is known of the event may stand under another field than the one that leads here.
      for (const holder of this.#holders)
        for (const indexed of holder.rules) consider(indexed, view);
      return;
    }
    for (const indexed of this.#scanned) consider(indexed, view);
    for (const [field, table] of this.#fields) {
      for (const term of view.terms(field)) {
        const plain = view.hashed ? table.termOf(term) : term;
        if (plain === undefined) continue;
        for (const indexed of table.get(plain)) consider(indexed, view);
      }
    }
  }

  /** The condition under which a rule has the fewest neighbours. */
  #access(rule: Rule): { readonly field: string | undefined; readonly terms: readonly string[] } {
    let best: { field: string | undefined; terms: readonly string[] } = {
      field: undefined,
      terms: [],
    };
    let bestCost = Number.POSITIVE_INFINITY;
    for (const { field, kind, values } of rule.conditions) {
      const terms = kind.filterTerms(values);
      if (terms === undefined) continue;
      // Where values are few and known, every event has one of them.
      const few = this.#stream.fields.get(field)?.values !== undefined ? 1000 : 1;
      const table = this.#fields.get(field);
      let cost = 0;
      for (const term of terms) cost += few + (table?.count(term) ?? 0);
      if (cost < bestCost) {
        bestCost = cost;
        best = { field, terms: [...new Set(terms)] };
      }
    }
    return best;
  }

  #table(field: string): TermTable<IndexedRule> {
    let table = this.#fields.get(field);
    if (table === undefined) {
      table = new TermTable(hashTerm);
      this.#fields.set(field, table);
    }
    return table;
  }

  /** The same array for the same tags, for frames are cached under it. */
  #tagSet(tags: readonly string[]): readonly string[] | undefined {
    if (tags.length === 0) return undefined;
    const sorted = [...new Set(tags)].sort();
    const key = JSON.stringify(sorted);
    const known = this.#tagSets.get(key);
    if (known !== undefined) return known;
    if (this.#tagSets.size >= 10_000) this.#tagSets.clear();
    this.#tagSets.set(key, sorted);
    return sorted;
  }
}
