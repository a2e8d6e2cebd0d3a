import type { Random } from "./random.ts";
import type { SdkClient } from "./sdk-client.ts";
import type { ServerUnderTest } from "./server-under-test.ts";
import type { SwarmClient } from "./swarm-client.ts";

/** What can be made to happen while events flow. */
export const FAULTS = [
  /** Connections are cut at random moments. */
  "cut",
  /** All connections are cut at once. */
  "drop",
  /** The server is killed with -9, all of its processes, and started again. */
  "kill",
  /** The server's first process is killed with -9, which leaves its workers, and is started again. */
  "orphan",
  /** One of several workers is killed with -9. */
  "worker",
  /** The server is stopped cleanly and started again. */
  "restart",
  /** The workers are stopped cleanly and replaced, one after another. */
  "roll",
  /** Clients replace their filters. */
  "filters",
  /** Clients stop reading for a while. */
  "slow",
  /** Clients connect a second time. */
  "takeover",
] as const;

export type Fault = (typeof FAULTS)[number];

/** How often each fault happened. */
export interface FaultCounts {
  kills: number;
  orphanings: number;
  workerKills: number;
  restarts: number;
  rolls: number;
  drops: number;
  pauses: number;
}

/** What happens to the server: one after another, and in turn. */
const SERVER_FAULTS = ["kill", "orphan", "worker", "restart", "roll"] as const;

/** How much longer a run may be, in milliseconds, until all its faults have happened. */
const EXTRA_MS = 30_000;

/** Makes faults happen until the signal aborts. */
export async function makeFaults(init: {
  readonly faults: ReadonlySet<Fault>;
  readonly server: ServerUnderTest;
  readonly clients: readonly SwarmClient[];
  readonly sdkClients: readonly SdkClient[];
  /** The filters that a client may change to. */
  readonly filtersFor: (client: SwarmClient) => readonly number[];
  readonly random: Random;
  readonly forMs: number;
}): Promise<FaultCounts> {
  const { faults, clients, sdkClients, random, forMs, server } = init;
  const counts: FaultCounts = {
    kills: 0,
    orphanings: 0,
    workerKills: 0,
    restarts: 0,
    rolls: 0,
    drops: 0,
    pauses: 0,
  };
  const untilMs = Date.now() + forMs;
  const serverFaults = SERVER_FAULTS.filter((fault) => faults.has(fault));
  let turn = random.integer(0, SERVER_FAULTS.length);
  const serverEveryMs = Math.max(300, forMs / 3);
  let serverAtMs = Date.now() + forMs / 4;
  const dropEveryMs = Math.max(300, forMs / 2);
  let dropAtMs = Date.now() + forMs / 3;
  const pending: Promise<unknown>[] = [];
  const hasAll = (): boolean => missingFaults(faults, counts, clients).length === 0;
  // On a busy machine a short run may end before chance has had its turn.
  while (Date.now() < untilMs || (!hasAll() && Date.now() < untilMs + EXTRA_MS)) {
    const client = random.pick(clients);
    if (faults.has("cut")) {
      for (const one of random.some(clients, Math.ceil(clients.length / 20))) one.cut();
      if (sdkClients.length > 0 && random.chance(0.3)) random.pick(sdkClients).cut();
    }
    if (faults.has("filters") && random.chance(0.7)) {
      pending.push(client.update(random.pick(init.filtersFor(client))));
    }
    if (faults.has("slow") && random.chance(0.3)) {
      client.pause(random.integer(100, 700));
      counts.pauses += 1;
    }
    if (faults.has("takeover") && random.chance(0.3)) random.pick(clients).takeOver();
    if (faults.has("drop") && Date.now() > dropAtMs) {
      dropAtMs = Date.now() + dropEveryMs;
      for (const one of [...clients, ...sdkClients]) one.cut();
      counts.drops += 1;
    }
    const fault = serverFaults[turn % serverFaults.length];
    if (fault !== undefined && Date.now() > serverAtMs) {
      serverAtMs = Date.now() + serverEveryMs;
      turn += 1;
      await disturb(server, fault, counts);
    }
    await new Promise((resolve) => setTimeout(resolve, random.integer(5, 40)));
  }
  await Promise.all(pending);
  return counts;
}

async function disturb(
  server: ServerUnderTest,
  fault: (typeof SERVER_FAULTS)[number],
  counts: FaultCounts,
): Promise<void> {
  if (fault === "worker") {
    if (await server.killWorker()) counts.workerKills += 1;
    return;
  }
  if (fault === "roll") {
    counts.rolls += await server.rollWorkers();
    return;
  }
  if (fault === "kill") {
    await server.kill("all");
    counts.kills += 1;
  } else if (fault === "orphan") {
    await server.kill("first");
    counts.orphanings += 1;
  } else {
    await server.stop();
    counts.restarts += 1;
  }
  await server.start();
}

/** Faults that were asked for and did not happen. */
export function missingFaults(
  faults: ReadonlySet<Fault>,
  counts: FaultCounts,
  clients: readonly SwarmClient[],
): string[] {
  const sum = (of: (client: SwarmClient) => number): number =>
    clients.reduce((total, client) => total + of(client), 0);
  const happened: { readonly [F in Fault]: number } = {
    cut: sum(({ cuts }) => cuts),
    kill: counts.kills,
    orphan: counts.orphanings,
    worker: counts.workerKills,
    restart: counts.restarts,
    roll: counts.rolls,
    drop: counts.drops,
    filters: sum(({ updates }) => updates),
    slow: counts.pauses,
    takeover: sum(({ takeOvers }) => takeOvers),
  };
  return [...faults].filter((fault) => happened[fault] === 0);
}
