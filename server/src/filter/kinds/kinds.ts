import { exact } from "./exact.ts";
import type { FieldKind } from "./field-kind.ts";
import { range } from "./range.ts";
import { set } from "./set.ts";
import { text } from "./text.ts";

const kinds = new Map<string, FieldKind>([
  ["exact", exact],
  ["set", set],
  ["text", text],
  ["range", range],
]);

/** Makes a kind known under a name, for streams to use. */
export function registerKind(name: string, kind: FieldKind): void {
  kinds.set(name, kind);
}

/** The kind of a name; a stream that names another is refused when it is loaded. */
export function kindOf(name: string): FieldKind {
  const kind = kinds.get(name);
  if (kind === undefined) throw new Error(`there is no kind of field ${name}`);
  return kind;
}

export function kindNames(): readonly string[] {
  return [...kinds.keys()];
}
