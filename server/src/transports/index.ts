/**
 * The transports: WebSocket, SSE and NDJSON. Each makes bytes of frames and hands what it hears to
 * a `StreamConnection`; none knows what a frame means. A transport promises to take whole frames
 * only, and to say when it has room again.
 */
export { type TransportOptions, transportOptions } from "./options.ts";
export { registerTransports, type TransportContext } from "./routes.ts";
