/**
 * Workers: the processes that share one port and one embedded log on a machine. It starts, replaces
 * and stops them, and carries calls between them; what they serve, and what they say to each other,
 * is not its business.
 */
export type { Handlers } from "./process-channel.ts";
export { linkToParent, type WorkerLink } from "./worker-link.ts";
export { type WorkerAddress, WorkerPool } from "./worker-pool.ts";
