import type { IncomingMessage } from "node:http";
import type { Grant, OriginPolicy } from "../access/index.ts";
import type { Delivery } from "../deliver/index.ts";
import type { Ingester } from "../ingest/index.ts";
import type { OptionValues } from "../option.ts";
import type { ReadableArchive, Recent } from "../store/index.ts";
import type { Stream } from "../streams/index.ts";
import type { apiOptions } from "./options.ts";
import type { PublicUrl } from "./public-url.ts";

/** What the HTTP surface needs from around it. */
export interface ApiContext {
  readonly streams: ReadonlyMap<string, Stream>;
  readonly delivery: Delivery;
  readonly ingester: Ingester;
  /** By the stream's name. */
  readonly recent: ReadonlyMap<string, Recent>;
  readonly archive: ReadableArchive;
  readonly options: OptionValues<typeof apiOptions>;
  readonly origins: OriginPolicy;
  readonly publicUrl: PublicUrl;
  /** @throws PenstockError `unauthorized` or `forbidden` */
  readonly grant: (request: IncomingMessage) => Grant;
  /** Undefined while everything works; else what does not. */
  readonly unready: () => string | undefined;
  readonly now: () => number;
  /** Told of errors that are ours. */
  readonly report: (caught: unknown) => void;
}
