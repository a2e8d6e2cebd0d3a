import { accessOptions } from "../access/options.ts";
import { apiOptions } from "../api/options.ts";
import { deliverOptions } from "../deliver/options.ts";
import { ingestOptions } from "../ingest/options.ts";
import { logOptions } from "../log/options.ts";
import { processOptions } from "../process/options.ts";
import { storeOptions } from "../store/options.ts";
import { streamOptions } from "../streams/options.ts";
import { transportOptions } from "../transports/options.ts";
import { serverOptions } from "./options.ts";

/** Every room's options; those of `server` stand at the top of the file, the others in a section. */
export const sections = {
  server: serverOptions,
  log: logOptions,
  topics: streamOptions,
  ingest: ingestOptions,
  process: processOptions,
  store: storeOptions,
  access: accessOptions,
  deliver: deliverOptions,
  transports: transportOptions,
  api: apiOptions,
} as const;

export type SectionName = keyof typeof sections;
