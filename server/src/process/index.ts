/**
 * Processing: raw records to events, by a stream's domain, in this process. It owns what it writes
 * to the enriched, final, tombstone and dead-letter topics; its state is what it can rebuild from
 * the raw topic. It promises that an output holds what an uninterrupted run would have written,
 * but for repeats, which a reader tells by their source.
 */
export { processOptions } from "./options.ts";
export type { ProcessReport } from "./partition-processor.ts";
export { type Processor, startProcessor } from "./processor.ts";
