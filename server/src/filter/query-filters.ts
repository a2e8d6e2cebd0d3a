import type { Limits } from "@penstock-dev/contract";
import type { Stream } from "../streams/index.ts";
import { type Filters, parseFilters } from "./filters.ts";

/**
 * Filters from query parameters, comma-separated or repeated.
 *
 * @param query the parameters that are fields, and no others
 * @throws PenstockError as `parseFilters` does
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
  return parseFilters(stream, { filters: Object.fromEntries(lists) }, limits);
}
