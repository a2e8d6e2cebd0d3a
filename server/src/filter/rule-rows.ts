import { Bounds } from "./bounds.ts";
import type { EventMarks } from "./event-marks.ts";
import type { IndexField } from "./index-field.ts";
import type { Span } from "./kinds/field-kind.ts";
import type { Numbers } from "./numbers.ts";
import { Rows, RowValues } from "./rows.ts";
import { Condition, type Rule } from "./rule.ts";
import type { TermTable } from "./term-table.ts";
import { WordBlocks } from "./word-blocks.ts";

/** Words of a rule's row. */
export const RULE = {
  block: 0,
  /** Whose it is; 0 of a row that is free. */
  holder: 1,
  conditions: 2,
  /** Which of the conditions it stands under; its complement where what leads there is not enough. */
  access: 3,
  /** The first of its postings under that condition. */
  posting: 4,
  /** The next rule of the same holder. */
  next: 5,
  tag: 6,
  /** The first of its postings under what it asks for besides. */
  known: 7,
} as const;
const WORDS = 8;
/** The scope in which tags are terms. */
const TAGS = 0;
/** Above so many values, an event's terms are looked for among them, not they among the event's. */
const FEW = 16;

/** A condition in a block of words. */
export interface ConditionWords {
  readonly field: IndexField;
  readonly words: Int32Array;
  /** Where its numbers begin, and how many they are. */
  readonly at: number;
  readonly count: number;
}

/**
 * Rules as rows of words. A rule's conditions are one block: for each the number of its field, how
 * many words follow, and these: numbers of terms in ascending order, or bounds, or, where the kind
 * decides by itself, the number of the condition and then those of the terms that lead to it.
 */
export class RuleRows {
  readonly #rows = new Rows(WORDS);
  readonly #blocks = new WordBlocks();
  readonly #bounds = new Bounds();
  readonly #plugged = new Rows(1);
  readonly #conditions = new RowValues<Condition>();
  readonly #terms: TermTable;
  /** By number; there is no field 0. */
  readonly #fields: readonly (IndexField | undefined)[];
  readonly #byName: ReadonlyMap<string, IndexField>;

  constructor(terms: TermTable, fields: readonly IndexField[]) {
    this.#terms = terms;
    this.#fields = [undefined, ...fields];
    this.#byName = new Map(fields.map((field) => [field.name, field]));
  }

  get end(): number {
    return this.#rows.end;
  }

  get(row: number, word: number): number {
    return this.#rows.get(row, word);
  }

  set(row: number, word: number, value: number): void {
    this.#rows.set(row, word, value);
  }

  field(name: string): IndexField | undefined {
    return this.#byName.get(name);
  }

  add(rule: Rule, holder: number): number {
    const words: number[] = [];
    for (const condition of rule.conditions) this.#write(condition, words);
    const row = this.#rows.take();
    this.#rows.set(row, RULE.holder, holder);
    this.#rows.set(row, RULE.conditions, rule.conditions.length);
    if (words.length > 0) this.#rows.set(row, RULE.block, this.#blocks.put(words));
    if (rule.tag !== undefined) this.#rows.set(row, RULE.tag, this.#terms.hold(TAGS, rule.tag));
    return row;
  }

  /**
   * Reads what a visit of some rules will need, side by side, for memory to bring it.
   *
   * @returns a number that means nothing, and that the reading must not be left out for
   */
  touchAll(rows: Numbers, holders: Rows): number {
    let touched = 0;
    for (let at = 0; at < rows.length; at++)
      touched ^= this.#rows.get(rows.at(at), RULE.conditions);
    for (let at = 0; at < rows.length; at++) {
      const row = rows.at(at);
      if (this.#rows.get(row, RULE.conditions) > 1) touched ^= this.#touchConditions(row);
      else touched ^= holders.get(this.#rows.get(row, RULE.holder), 0);
    }
    return touched;
  }

  #touchConditions(row: number): number {
    const block = this.#rows.get(row, RULE.block);
    return this.#blocks.arrayOf(block)[this.#blocks.startOf(block)] as number;
  }

  /** Takes a rule away that stands nowhere any more. */
  remove(row: number): void {
    let length = 0;
    for (const condition of this.conditions(row)) {
      this.#release(condition);
      length += condition.count + 2;
    }
    if (length > 0) this.#blocks.give(this.#rows.get(row, RULE.block), length);
    const tag = this.#rows.get(row, RULE.tag);
    if (tag !== 0) this.#terms.release(tag);
    this.#rows.give(row);
  }

  /** Which of its conditions a rule stands under. */
  access(row: number): number {
    const access = this.#rows.get(row, RULE.access);
    return access < 0 ? ~access : access;
  }

  /** @param isEnough whether whatever leads to the rule there satisfies that condition */
  setAccess(row: number, number: number, isEnough: boolean): void {
    this.#rows.set(row, RULE.access, isEnough ? number : ~number);
  }

  tag(id: number): string {
    return this.#terms.text(id);
  }

  conditions(row: number): ConditionWords[] {
    const block = this.#rows.get(row, RULE.block);
    const words = this.#blocks.arrayOf(block);
    const found: ConditionWords[] = [];
    let at = this.#blocks.startOf(block);
    for (let left = this.#rows.get(row, RULE.conditions); left > 0; left--) {
      const count = words[at + 1] as number;
      found.push({ field: this.#fieldAt(words, at), words, at: at + 2, count });
      at += count + 2;
    }
    return found;
  }

  /** Numbers of terms of which an event that satisfies a condition has one; undefined where untold. */
  termsOf({ field, words, at, count }: ConditionWords): Int32Array | undefined {
    if (field.byTerms) return words.subarray(at, at + count);
    return count > 1 && !field.byBounds ? words.subarray(at + 1, at + count) : undefined;
  }

  /** The numbers that a condition admits; undefined where they are untold. */
  spanOf({ field, words, at }: ConditionWords): Span | undefined {
    if (field.byTerms) return undefined;
    if (field.byBounds) return this.#bounds.span(words, at);
    return field.kind.span?.(this.#plugIn(words, at).values);
  }

  /**
   * Whether a rule's conditions hold against the view that is marked; where only some fields are
   * known, whether those on known fields do, and there are any.
   *
   * @param isLed a term or a span led to it, so that the condition that it stands under may be satisfied
   */
  holds(row: number, marks: EventMarks, isLed: boolean): boolean {
    const { known } = marks.view;
    const conditions = this.#rows.get(row, RULE.conditions);
    const satisfied = isLed ? this.#rows.get(row, RULE.access) : -1;
    if (satisfied >= 0 && conditions === 1) return true;
    const block = this.#rows.get(row, RULE.block);
    const words = this.#blocks.arrayOf(block);
    let held = 0;
    let at = this.#blocks.startOf(block);
    for (let number = 0; number < conditions; number++) {
      const field = this.#fieldAt(words, at);
      const count = words[at + 1] as number;
      if (number === satisfied) held += 1;
      else if (known === undefined || known.has(field.name)) {
        if (!this.#holdsAt(field, words, at + 2, count, marks)) return false;
        held += 1;
      }
      at += count + 2;
    }
    return known === undefined || held > 0 || conditions === 0;
  }

  /** Whether a rule asks nothing of a field, or admits a value; undefined as of `names`. */
  admits(row: number, field: IndexField, text: string): boolean | undefined {
    return this.#find(row, field) < 0 ? true : this.names(row, field, text);
  }

  /** Whether a rule names one of its field's values; undefined where only its kind could tell. */
  names(row: number, field: IndexField, text: string): boolean | undefined {
    const at = this.#find(row, field);
    if (at < 0) return false;
    const words = this.#blocks.arrayOf(this.#rows.get(row, RULE.block));
    if (field.byTerms && !(field.phrases && text.includes(" "))) {
      const id = this.#terms.find(field.number, text);
      return id !== 0 && contains(words, at + 2, words[at + 1] as number, id);
    }
    return field.byTerms || field.byBounds ? undefined : this.#plugIn(words, at + 2).has(text);
  }

  /** Where in its block a rule's condition on a field begins; -1 where it has none. */
  #find(row: number, field: IndexField): number {
    const block = this.#rows.get(row, RULE.block);
    const words = this.#blocks.arrayOf(block);
    let at = this.#blocks.startOf(block);
    for (let left = this.#rows.get(row, RULE.conditions); left > 0; left--) {
      if (words[at] === field.number) return at;
      at += (words[at + 1] as number) + 2;
    }
    return -1;
  }

  #write({ field: name, kind, values }: Condition, words: number[]): void {
    const field = this.#byName.get(name);
    if (field === undefined) throw new Error(`there is no field ${name}`);
    field.asked += 1;
    words.push(field.number, 0);
    const count = words.length - 1;
    if (field.byTerms) {
      const ids = values.map((value) =>
        field.phrases
          ? this.#terms.holdPhrase(field.number, value)
          : this.#terms.hold(field.number, value),
      );
      if (ids.length > 1) ids.sort((a, b) => a - b);
      for (const id of ids) words.push(id);
    } else if (field.byBounds) {
      words.push(...this.#bounds.words(values));
    } else {
      const id = this.#plugged.take();
      this.#conditions.set(id, new Condition(name, kind, values));
      words.push(id);
      for (const term of new Set(kind.filterTerms(values)))
        words.push(this.#terms.hold(field.number, term));
    }
    words[count] = words.length - count - 1;
  }

  #release({ field, words, at, count }: ConditionWords): void {
    field.asked -= 1;
    if (field.byBounds) {
      this.#bounds.release(words, at);
      return;
    }
    if (!field.byTerms) {
      this.#conditions.set(words[at] as number, undefined);
      this.#plugged.give(words[at] as number);
    }
    for (let number = field.byTerms ? 0 : 1; number < count; number++)
      this.#terms.release(words[at + number] as number);
  }

  #holdsAt(
    field: IndexField,
    words: Int32Array,
    at: number,
    count: number,
    marks: EventMarks,
  ): boolean {
    if (!field.byTerms && !field.byBounds) return this.#plugIn(words, at).holds(marks.view);
    marks.take(field);
    if (field.byBounds) {
      return this.#bounds.holds(words, at, field.point, field.decimal);
    }
    if (count > FEW && count > field.ids.length) {
      for (let number = 0; number < field.ids.length; number++)
        if (contains(words, at, count, field.ids.at(number))) return true;
      return false;
    }
    for (let number = 0; number < count; number++)
      if (marks.has(words[at + number] as number)) return true;
    return false;
  }

  #plugIn(words: Int32Array, at: number): Condition {
    const condition = this.#conditions.get(words[at] as number);
    if (condition === undefined) throw new Error("a rule names no condition");
    return condition;
  }

  #fieldAt(words: Int32Array, at: number): IndexField {
    const field = this.#fields[words[at] as number];
    if (field === undefined) throw new Error("a rule names no field");
    return field;
  }
}

/** Whether a number is among ascending ones. */
function contains(words: Int32Array, at: number, count: number, id: number): boolean {
  let low = at;
  let high = at + count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((words[middle] as number) < id) low = middle + 1;
    else high = middle;
  }
  return low < at + count && words[low] === id;
}
