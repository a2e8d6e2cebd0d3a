/**
 * The simulator: a seeded world that makes events, a swarm of clients that writes down what it gets,
 * and the oracle that judges it by an evaluation of its own. It owns no part of the product, and
 * shares none of the engine's logic; it reads the log through the log's door, as any reader may.
 */
export { FAULTS, type Fault } from "./faults.ts";
export { Judge } from "./judge.ts";
export { type ReplayOptions, type ReplayReport, replay } from "./replay.ts";
export { type RunOptions, type RunReport, run } from "./run.ts";
