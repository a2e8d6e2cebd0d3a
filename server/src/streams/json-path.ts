/** A way into a JSON value: member names, list indices, and `*` for each item of a list. */
export type JsonPath = readonly (string | number)[];

const STEP = /\.([A-Za-z_][\w-]*)|\[(\d{1,6})\]|\[\*\]|\['([^']{1,128})'\]/y;

/** Reads `$.customer.id`, `$.tags[*]`, `$.items[0].name`; undefined where the text is no such path. */
export function parseJsonPath(text: string): JsonPath | undefined {
  if (!text.startsWith("$")) return undefined;
  const path: (string | number)[] = [];
  STEP.lastIndex = 1;
  while (STEP.lastIndex < text.length) {
    const match = STEP.exec(text);
    if (match === null) return undefined;
    path.push(match[1] ?? match[3] ?? (match[2] === undefined ? "*" : Number(match[2])));
  }
  return path;
}

/** What stands at a path: no value, one, or several. Own members only. */
export function valuesAt(value: unknown, path: JsonPath): readonly unknown[] {
  let found: unknown[] = [value];
  for (const step of path) {
    found = found.flatMap((item): unknown[] => {
      if (typeof item !== "object" || item === null) return [];
      if (Array.isArray(item))
        return step === "*" ? item : typeof step === "number" && step in item ? [item[step]] : [];
      return Object.hasOwn(item, String(step)) ? [Reflect.get(item, String(step))] : [];
    });
  }
  return found.filter((item) => item !== undefined && item !== null);
}

/** The same value without what stands at a path; the value itself is left as it is. */
export function without(value: unknown, path: JsonPath): unknown {
  const [step, ...rest] = path;
  if (step === undefined || typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    return value.map((item, at) => (step === "*" || step === at ? without(item, rest) : item));
  }
  if (!Object.hasOwn(value, String(step))) return value;
  const { [String(step)]: inner, ...others } = value as Record<string, unknown>;
  // What stays keeps its place: a payload reads as its record does.
  return rest.length === 0 ? others : { ...value, [String(step)]: without(inner, rest) };
}
