import type { Stream } from "../streams/index.ts";
import { ConditionTable } from "./condition-table.ts";
import type { EventTerms, TermsView } from "./event-terms.ts";
import type { Filters } from "./filters.ts";
import { type Condition, type Rule, ruleHolds } from "./rule.ts";

/** One rule in the index, with whose it is. */
interface IndexedRule {
  readonly rule: Rule;
  readonly holder: Holder;
  /** The condition that it stands under; undefined of a rule without any. */
  readonly access: Condition | undefined;
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

type Consider = (indexed: IndexedRule, view: TermsView) => void;

/** Where a field's values are few and known, each event has one of them, and so do many filters. */
const FEW_VALUES_COST = 1000;
const RANGE_COST = 100;
const SCAN_COST = 10_000;
const TAG_SETS_MAX = 10_000;

/**
 * Finds the filters that an event matches. Each rule stands under its most selective condition; an
 * event's terms lead to the candidates, which are then verified. The cost grows with the
 * candidates, not with the filters.
 *
 * Broadcast events are not looked up here: `couldMatch` says whom they reach.
 */
export class FilterIndex<T> {
  readonly #stream: Stream;
  readonly #byAccess = new Map<string, ConditionTable<IndexedRule>>();
  /** Rules without conditions. */
  readonly #unconditional = new Set<IndexedRule>();
  /**
   * By field, every rule with a condition on it: for cancelled events of which only that field is
   * known. Made when the first of these comes, and kept from then on.
   */
  readonly #byKnown = new Map<string, ConditionTable<IndexedRule>>();
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
      const access = this.#accessOf(rule);
      const indexed = { rule, holder, access };
      holder.rules.push(indexed);
      if (access === undefined) this.#unconditional.add(indexed);
      else tableOf(this.#byAccess, access.field).add(access, indexed);
      for (const { field } of rule.conditions) addTo(this.#byKnown.get(field), field, indexed);
    }
    this.#holders.add(holder);
    return holder;
  }

  remove(handle: FilterHandle): void {
    if (!this.#holders.delete(handle)) return;
    for (const indexed of handle.rules) {
      const { access, rule } = indexed;
      if (access === undefined) this.#unconditional.delete(indexed);
      else this.#byAccess.get(access.field)?.delete(access, indexed);
      for (const condition of rule.conditions)
        this.#byKnown.get(condition.field)?.delete(condition, indexed);
    }
  }

  /** Tells each owner at most once, with the sorted tags of its rules that matched. */
  match(terms: EventTerms, found: (owner: T, tags: readonly string[] | undefined) => void): void {
    this.#stamp += 1;
    const tagged: Holder[] = [];
    const consider: Consider = (indexed, view) => {
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

  #candidates(view: TermsView, consider: Consider): void {
    const visit = (indexed: IndexedRule): void => consider(indexed, view);
    for (const indexed of this.#unconditional) visit(indexed);
    if (view.known === undefined)
      for (const table of this.#byAccess.values()) table.visit(view, visit);
    else for (const field of view.known) this.#knownTable(field).visit(view, visit);
  }

  /** The condition under which a rule is likely to be led to least. */
  #accessOf({ conditions }: Rule): Condition | undefined {
    let best: Condition | undefined;
    let bestCost = Number.POSITIVE_INFINITY;
    for (const condition of conditions) {
      const cost =
        this.#fixedCost(condition) + (this.#byAccess.get(condition.field)?.count(condition) ?? 0);
      if (cost < bestCost) {
        bestCost = cost;
        best = condition;
      }
    }
    return best;
  }

  /** What a kind of condition is likely to lead to, whatever stands there now. */
  #fixedCost({ field, kind, values }: Condition): number {
    if (kind.filterTerms(values) === undefined)
      return kind.span === undefined ? SCAN_COST : RANGE_COST;
    return this.#stream.fields.get(field)?.values === undefined ? values.length : FEW_VALUES_COST;
  }

  #knownTable(field: string): ConditionTable<IndexedRule> {
    const known = this.#byKnown.get(field);
    if (known !== undefined) return known;
    const table = tableOf(this.#byKnown, field);
    for (const { rules } of this.#holders)
      for (const indexed of rules) addTo(table, field, indexed);
    return table;
  }

  /** The same array for the same tags, for frames are cached under it. */
  #tagSet(tags: readonly string[]): readonly string[] | undefined {
    if (tags.length === 0) return undefined;
    const sorted = [...new Set(tags)].sort();
    const key = JSON.stringify(sorted);
    const known = this.#tagSets.get(key);
    if (known !== undefined) return known;
    if (this.#tagSets.size >= TAG_SETS_MAX) this.#tagSets.clear();
    this.#tagSets.set(key, sorted);
    return sorted;
  }
}

function tableOf(
  tables: Map<string, ConditionTable<IndexedRule>>,
  field: string,
): ConditionTable<IndexedRule> {
  const known = tables.get(field);
  if (known !== undefined) return known;
  const table = new ConditionTable<IndexedRule>(field);
  tables.set(field, table);
  return table;
}

/** Adds a rule under its condition on a field, where it has one. */
function addTo(
  table: ConditionTable<IndexedRule> | undefined,
  field: string,
  indexed: IndexedRule,
): void {
  const condition = indexed.rule.conditions.find((candidate) => candidate.field === field);
  if (condition !== undefined) table?.add(condition, indexed);
}
