/**
 * Who a caller is and what it may do: a credential in, a grant out. It owns tiers and their limits.
 * With no credentials configured the server is open, and everyone gets the grant of open mode.
 */
export * from "./grant.ts";
export { accessOptions } from "./options.ts";
export { type OriginPolicy, originPolicy } from "./origins.ts";
