/**
 * Filters: reads what a client asked for, brings it to one normal form, and finds, for each event,
 * the subscriptions that it matches at a cost that grows with the matches. Pure: no log, no clock,
 * no client. It promises that the index and the plain evaluation (`matches`) always agree.
 */
export {};
