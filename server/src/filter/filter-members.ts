import type { FieldDefinition } from "@penstock-dev/contract";
import type { Stream } from "../streams/index.ts";
import type { FieldKind } from "./kinds/field-kind.ts";
import { kindOf } from "./kinds/kinds.ts";

/** One name that a filter of a stream may have. */
export interface FilterMember {
  readonly field: string;
  /** `min_` or `max_` of a range, else nothing. */
  readonly prefix: string;
  readonly definition: FieldDefinition;
  readonly kind: FieldKind;
  /** The field's name and a colon, as JSON has them. */
  readonly quoted: string;
}

const tables = new WeakMap<Stream, ReadonlyMap<string, FilterMember>>();

/** The names that a filter of a stream may have, worked out once for each stream. */
export function filterMembers(stream: Stream): ReadonlyMap<string, FilterMember> {
  const known = tables.get(stream);
  if (known !== undefined) return known;
  const table = new Map<string, FilterMember>();
  // A field's own name goes before a bound of another field.
  for (const prefix of ["", "min_", "max_"]) {
    for (const [field, definition] of stream.fields) {
      const kind = kindOf(definition.kind);
      if (!kind.prefixes.includes(prefix) || table.has(prefix + field)) continue;
      const quoted = `${JSON.stringify(field)}:`;
      table.set(prefix + field, { field, prefix, definition, kind, quoted });
    }
  }
  tables.set(stream, table);
  return table;
}

/** The names that a filter of a stream may have: its fields, ranges with `min_` and `max_`. */
export function fieldMembers(stream: Stream): readonly string[] {
  return [...stream.fields].flatMap(([field, { kind }]) =>
    kindOf(kind).prefixes.map((prefix) => prefix + field),
  );
}
