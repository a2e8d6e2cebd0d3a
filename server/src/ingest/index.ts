/**
 * Ingestion: whatever brings raw records to the log. It checks and completes them, and promises that
 * an accepted record is durable before anybody is told so, and that overload is answered, not
 * queued.
 */
export { registerIngest } from "./http.ts";
export { type Ingested, Ingester } from "./ingester.ts";
export { readWhole } from "./json-body.ts";
export { parseJsonBytes } from "./json-text.ts";
export { ingestOptions } from "./options.ts";
export { partitionOf } from "./partitioner.ts";
export { type EvmSource, startEvmSource } from "./sources/evm-source.ts";
export { ORIGIN_HEADER, readableFile, startFileSource } from "./sources/file-source.ts";
export { chainIdOf, nodeName } from "./sources/json-rpc.ts";
