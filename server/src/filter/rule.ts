import { hashTerm } from "@penstock-dev/contract";
import type { EventTerms, TermsView } from "./event-terms.ts";
import type { FieldKind } from "./kinds/field-kind.ts";

/** One field's condition: any of its values holds (of a range, all of its bounds). */
export class Condition {
  readonly field: string;
  readonly kind: FieldKind;
  /** Normalised, sorted, each once. */
  readonly values: readonly string[];
  /** Made when an event is first held against it: a condition in an index asks for none. */
  #set: ReadonlySet<string> | undefined;
  #hashed: ReadonlySet<string> | undefined;

  constructor(field: string, kind: FieldKind, values: readonly string[]) {
    this.field = field;
    this.kind = kind;
    this.values = values;
  }

  has(value: string): boolean {
    return this.values.includes(value);
  }

  holds(view: TermsView): boolean {
    const terms = view.terms(this.field);
    if (!view.hashed) {
      this.#set ??= new Set(this.values);
      return this.kind.verify(this.#set, terms);
    }
    this.#hashed ??= new Set(this.values.map((value) => this.kind.mapTerms(value, hashTerm)));
    return this.kind.verify(this.#hashed, terms);
  }
}

/** Conditions that must all hold. */
export interface Rule {
  readonly tag: string | undefined;
  /** Sorted by field. */
  readonly conditions: readonly Condition[];
}

/** Whether a rule holds against one view of an event. */
export function ruleHolds(rule: Rule, view: TermsView, terms: EventTerms): boolean {
  if (terms.onRequest && !namesType(rule, terms.event.event_type)) return false;
  const { known } = view;
  let held = 0;
  for (const condition of rule.conditions) {
    if (known !== undefined && !known.has(condition.field)) continue;
    if (!condition.holds(view)) return false;
    held += 1;
  }
  // Of something of which little is known, only those are told who ask for what is known, or for all.
  return known === undefined || held > 0 || rule.conditions.length === 0;
}

function namesType(rule: Rule, eventType: string): boolean {
  return rule.conditions.some(
    (condition) => condition.field === "event_types" && condition.has(eventType),
  );
}
