import { type Limits, PenstockError } from "@penstock-dev/contract";
import type { Stream } from "../streams/index.ts";
import { parseFilters } from "./filter-parser.ts";
import type { Filters } from "./filters.ts";

/**
 * Filters from query parameters, comma-separated or repeated.
 *
 * @param query the parameters that are fields, and no others
 * @throws PenstockError as `parseFilters` does, with paths of the query: nothing is above a parameter
 */
export function queryFilters(
  stream: Stream,
  query: Iterable<readonly [string, string]>,
  limits: Limits,
): Filters {
  const lists = new Map<string, string[]>();
  for (const [name, value] of query) {
    lists.set(name, [...(lists.get(name) ?? []), ...value.split(",")]);
  }
  try {
    return parseFilters(stream, { filters: Object.fromEntries(lists) }, limits);
  } catch (caught) {
    throw asQueryError(caught);
  }
}

function asQueryError(caught: unknown): unknown {
  if (!(caught instanceof PenstockError)) return caught;
  const bare = (text: string): string => text.replace(/^\/filters(?=\/|$)/, "");
  const errors = caught.errors.map((error) => ({ ...error, path: bare(error.path) }));
  return new PenstockError(caught.code, bare(caught.message), { errors });
}
