import type { DialectName } from "./dialects.ts";

/** What the swarm asks of one of its processes. */
export type SwarmCommand =
  | ({ readonly do: "connect" } & ConnectCommand)
  | { readonly do: "reach"; readonly serial: number }
  | { readonly do: "report" }
  | { readonly do: "pause"; readonly every: number }
  | { readonly do: "churn"; readonly perSecond: number }
  | { readonly do: "storm"; readonly concurrency: number };

export interface ConnectCommand {
  readonly dialect: DialectName;
  readonly port: number;
  /** The first three parts of the addresses that the process connects from. */
  readonly localNetwork: string;
  /** The path of a client, `{}` standing for its number modulo `distinct`. */
  readonly path: string;
  readonly distinct: number;
  /** The number of this process' first client, and how many it has. */
  readonly first: number;
  readonly count: number;
  /** How many handshakes at once. */
  readonly concurrency: number;
  /** The last serial that was published before; 0 where a client may begin anywhere. */
  readonly after: number;
  readonly timed: boolean;
  /** Whether events may be left out, as long as those that come are in order. */
  readonly lossy: boolean;
  /** Whether clients can come back to their sessions. */
  readonly resumable: boolean;
}

/** What one process has seen since it was asked last. */
export interface SwarmReport {
  readonly open: number;
  readonly events: number;
  readonly bytes: number;
  readonly frames: number;
  readonly chunks: number;
  readonly compressed: number;
  /** Events that came again after a resume. */
  readonly repeats: number;
  readonly misordered: number;
  /** Gaps that clients were told of: events that were left out because they, or the server, were behind. */
  readonly gaps: number;
  readonly closed: number;
  readonly why: string;
  readonly reconnects: number;
  readonly cpuMicros: number;
  readonly sums: readonly number[];
  readonly latency: Histogram;
  readonly connect: Histogram;
}

interface Histogram {
  readonly counts: readonly number[];
  readonly max: number;
}
