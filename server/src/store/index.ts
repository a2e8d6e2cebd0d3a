/**
 * The store: the recent window in memory and the archive on disk. It owns what it copies from the
 * log; neither is the truth, and both can be made again from it. What is deleted is served by
 * neither.
 */
export { Archive, type HistoryQuery } from "./archive.ts";
export { storeOptions } from "./options.ts";
export { type Found, RecentWindow } from "./recent-window.ts";
