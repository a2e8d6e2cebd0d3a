/**
 * Filters: reads what a client asked for, brings it to one normal form, and finds, for each event,
 * the subscriptions that it matches at a cost that grows with the matches. Pure: no log, no clock,
 * no client. It promises that the index and the plain evaluation (`matches`) always agree.
 */
export { EventTerms } from "./event-terms.ts";
export { type FilterHandle, FilterIndex } from "./filter-index.ts";
export { fieldMembers } from "./filter-members.ts";
export { parseFilters } from "./filter-parser.ts";
export { couldMatch, type Filters, type Match, matches } from "./filters.ts";
export type { FieldKind } from "./kinds/field-kind.ts";
export { kindNames, kindOf, registerKind } from "./kinds/kinds.ts";
export { queryFilters } from "./query-filters.ts";
export type { Condition, Rule } from "./rule.ts";
