/**
 * The HTTP surface: sessions, queries, ingestion's address, health and documentation. Each route is
 * thin: it reads a request, asks a room, and shapes the answer. What streams is in transports.
 */
export { createApp } from "./app.ts";
export type { ApiContext } from "./context.ts";
export { apiOptions } from "./options.ts";
export { publicUrl } from "./public-url.ts";
