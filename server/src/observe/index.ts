/**
 * Observation: logs from the rooms' diagnostics channels, metrics from their counters. Nobody but
 * `serve.ts` imports it, so that no room can pay for it on its own path.
 */
export { createObserver, type MetricSample, type Observer } from "./observer.ts";
