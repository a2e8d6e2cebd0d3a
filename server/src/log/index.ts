/**
 * The log: appends, reads and retains records, durably. It owns the files (or the connection to
 * the brokers) and knows nothing of what the bytes mean. It promises that an acknowledged record
 * survives a kill of every process, that no record is visible before it is durable, and that times
 * never go backwards within a partition.
 */
export { EmbeddedLog, type EmbeddedLogInit, openEmbeddedLog } from "./embedded/embedded-log.ts";
export * from "./log.ts";
export { logOptions } from "./options.ts";
export { temporaryLog } from "./temporary-log.ts";
