/**
 * Observation: logs from the rooms' diagnostics channels, metrics from their counters. Nobody but
 * the wiring imports it, so that no room can pay for it on its own path.
 */
export { createObserver, type MetricSample, type Observer } from "./observer.ts";
export { type Leaving, ProcessFigures } from "./process-figures.ts";
export { watchProcess } from "./process-samples.ts";
export { logWarnings } from "./process-warnings.ts";
