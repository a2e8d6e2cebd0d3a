/** What is wrong with the members of what somebody sent: where, and what was meant. */
import type { FieldError } from "./errors.ts";

/** Wrong members that one error names; whoever looks for them may end there. */
export const FIELD_ERRORS_MAX = 20;

/** What a library of schemas says of a value, as far as this needs it: zod's issues are such. */
export interface SchemaIssue {
  readonly code?: string;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  /** Members that the schema does not know. */
  readonly keys?: readonly string[];
}

/**
 * The errors of an issue, one for each member.
 *
 * @param known the members that there are
 * @param unknown what to say of one that there is not
 */
export function schemaErrors(
  issue: SchemaIssue,
  known: readonly string[],
  unknown: string,
): FieldError[] {
  const path = pointer(issue.path);
  if (issue.code !== "unrecognized_keys") return [{ path, message: issue.message }];
  return unknownMembers(path, issue.keys ?? [], known, unknown);
}

/** The errors of members that there are not, each with the one that may be meant. */
export function unknownMembers(
  path: string,
  names: readonly string[],
  known: readonly string[],
  message: string,
): FieldError[] {
  return names.slice(0, FIELD_ERRORS_MAX).map((name) => {
    const meant = nearest(name, known);
    const error = { path: `${path}${pointer([name])}`, message };
    return meant === undefined ? error : { ...error, did_you_mean: meant };
  });
}

/** The JSON Pointer to a member of a document (RFC 6901). */
export function pointer(path: readonly PropertyKey[]): string {
  return path
    .map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`)
    .join("");
}

/** The known name nearest to `name` by edit distance, when it is near enough to be meant. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    // As many edits as the lengths differ by are needed at the least: a name of megabytes costs nothing.
    if (Math.abs(name.length - candidate.length) >= bestDistance) continue;
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Insertions, deletions, substitutions and swaps of neighbours: a swap is one slip of a hand. */
function editDistance(a: string, b: string): number {
  let beforePrevious: readonly number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = isSwap ? (beforePrevious[j - 2] ?? 0) + 1 : substitution;
      row.push(Math.min(substitution, swap, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    beforePrevious = previous;
    previous = row;
  }
  return previous[b.length] ?? 0;
}
