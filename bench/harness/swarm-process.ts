/** One process of the swarm: does what it is told over its channel, and ends with it. */

import { nowMicros } from "./bench-event.ts";
import type { DialectName } from "./dialects.ts";
import { dialects } from "./dialects.ts";
import { LatencyHistogram } from "./latency-histogram.ts";
import { SwarmClient } from "./swarm-client.ts";

/** What the swarm asks of one of its processes. */
export type SwarmCommand =
  | ({ readonly do: "connect" } & ConnectCommand)
  | { readonly do: "reach"; readonly serial: number }
  | { readonly do: "report" }
  | { readonly do: "pause"; readonly every: number }
  | { readonly do: "churn"; readonly perSecond: number }
  | { readonly do: "drop" }
  | { readonly do: "close" };

export interface ConnectCommand {
  readonly dialect: DialectName;
  readonly port: number;
  readonly localAddress: string;
  /** The path of a client, `{}` standing for its number modulo `distinct`. */
  readonly path: string;
  readonly distinct: number;
  /** The number of this process' first client, and how many it has. */
  readonly first: number;
  readonly count: number;
  /** How many handshakes at once. */
  readonly concurrency: number;
  /** The last serial that was published before. */
  readonly after: number;
  readonly timed: boolean;
}

/** What one process has seen since it was asked last. */
export interface SwarmReport {
  readonly open: number;
  readonly events: number;
  readonly bytes: number;
  readonly frames: number;
  readonly chunks: number;
  readonly misordered: number;
  readonly closed: number;
  readonly why: string;
  readonly reconnects: number;
  readonly cpuMicros: number;
  readonly sums: readonly number[];
  readonly latency: { readonly counts: readonly number[]; readonly max: number };
  readonly connect: { readonly counts: readonly number[]; readonly max: number };
}

/** The bytes of one client in so many are summed up, and compared with the others'. */
const SUMMED_EVERY = 50;

const clients: (SwarmClient | undefined)[] = [];
let plan: ConnectCommand | undefined;
const seen = { events: 0, misordered: 0, closed: 0, reconnects: 0, why: "" };
let latency = new LatencyHistogram();
let connecting = new LatencyHistogram();
let churning: NodeJS.Timeout | undefined;
let cpu = process.cpuUsage();
let retired = { bytes: 0, frames: 0, chunks: 0 };
let reported = { bytes: 0, frames: 0, chunks: 0 };
let waiting: { readonly serial: number; readonly done: () => void } | undefined;
let owing = 0;

/** The last serial up to one that a client gets: those that leave its rest, modulo the filters. */
function lastDue(index: number, serial: number, distinct: number): number {
  return serial - ((((serial - index) % distinct) + distinct) % distinct);
}

function onEvent(client: SwarmClient, serial: number, micros: number): void {
  const { distinct } = plan as ConnectCommand;
  seen.events += 1;
  const isNext =
    client.last === 0
      ? serial % distinct === client.index % distinct
      : serial === client.last + distinct;
  if (!isNext) seen.misordered += 1;
  if (micros > 0) latency.record(nowMicros() - micros);
  if (waiting !== undefined && serial === lastDue(client.index, waiting.serial, distinct)) {
    owing -= 1;
    if (owing === 0) waiting.done();
  }
}

function open(at: number): Promise<void> {
  const init = plan as ConnectCommand;
  const index = init.first + at;
  const startMicros = nowMicros();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const client = new SwarmClient(
    {
      index,
      port: init.port,
      localAddress: init.localAddress,
      dialect: dialects[init.dialect],
      path: init.path.replace("{}", String(index % init.distinct)),
      timed: init.timed,
      summed: at % SUMMED_EVERY === 0,
    },
    {
      event: onEvent,
      ready: () => {
        connecting.record(nowMicros() - startMicros);
        resolve();
      },
      closed: (closed, why) => {
        if (!closed.ready) reject(new Error(why));
        else {
          seen.closed += 1;
          seen.why = why;
        }
        clients[at] = undefined;
      },
    },
  );
  clients[at] = client;
  return promise;
}

/** Opens clients, so many at once; each of them is tried some times, for a full backlog drops a few. */
async function openAll(places: readonly number[], concurrency: number): Promise<void> {
  const left = [...places];
  const one = async (): Promise<void> => {
    for (let at = left.shift(); at !== undefined; at = left.shift()) {
      for (let tries = 1; ; tries++) {
        try {
          await open(at);
          break;
        } catch (caught) {
          if (tries === 5) throw caught;
          await new Promise((resolve) => setTimeout(resolve, 200 * tries));
        }
      }
    }
  };
  await Promise.all(Array.from({ length: concurrency }, one));
}

async function connect(command: ConnectCommand): Promise<void> {
  plan = command;
  const places = Array.from({ length: command.count }, (_, at) => at);
  await openAll(places, command.concurrency);
  for (const [at, client] of clients.entries())
    if (client !== undefined)
      client.last = Math.max(0, lastDue(command.first + at, command.after, command.distinct));
}

async function reach(serial: number): Promise<void> {
  const { distinct } = plan as ConnectCommand;
  owing = 0;
  for (const client of clients)
    if (
      client !== undefined &&
      !client.socket.isPaused() &&
      client.last < lastDue(client.index, serial, distinct)
    )
      owing += 1;
  if (owing === 0) return;
  await new Promise<void>((done) => {
    waiting = { serial, done };
  });
  waiting = undefined;
}

function drop(): void {
  for (const [at, client] of clients.entries()) {
    if (client === undefined) continue;
    retire(client);
    client.cut();
    clients[at] = undefined;
  }
}

function retire(client: SwarmClient): void {
  retired = {
    bytes: retired.bytes + client.bytes,
    frames: retired.frames + client.frames,
    chunks: retired.chunks + client.chunks,
  };
}

function churn(perSecond: number): void {
  clearInterval(churning);
  if (perSecond === 0) return;
  let next = 0;
  churning = setInterval(
    () => {
      const at = next++ % clients.length;
      const client = clients[at];
      if (client === undefined) return;
      retire(client);
      client.cut();
      open(at).then(
        () => {
          seen.reconnects += 1;
        },
        (caught: unknown) => {
          seen.closed += 1;
          seen.why = String(caught);
        },
      );
    },
    Math.max(1, 1000 / perSecond),
  );
}

function report(): SwarmReport {
  const used = process.cpuUsage(cpu);
  cpu = process.cpuUsage();
  const total = { ...retired };
  const sums: number[] = [];
  let isOpen = 0;
  for (const [at, client] of clients.entries()) {
    if (client === undefined) continue;
    isOpen += 1;
    total.bytes += client.bytes;
    total.frames += client.frames;
    total.chunks += client.chunks;
    if (at % SUMMED_EVERY === 0) sums.push(client.sum);
  }
  const answer: SwarmReport = {
    ...seen,
    open: isOpen,
    bytes: total.bytes - reported.bytes,
    frames: total.frames - reported.frames,
    chunks: total.chunks - reported.chunks,
    cpuMicros: used.user + used.system,
    sums,
    latency,
    connect: connecting,
  };
  reported = total;
  Object.assign(seen, { events: 0, misordered: 0, closed: 0, reconnects: 0, why: "" });
  latency = new LatencyHistogram();
  connecting = new LatencyHistogram();
  return answer;
}

/** Every so many-th client reads no more. */
function pause(every: number): number {
  let paused = 0;
  for (const [at, client] of clients.entries()) {
    if (client === undefined || at % every !== 0) continue;
    client.socket.pause();
    paused += 1;
  }
  return paused;
}

async function answer(command: SwarmCommand): Promise<unknown> {
  switch (command.do) {
    case "connect":
      return await connect(command);
    case "reach":
      return await reach(command.serial);
    case "report":
      return report();
    case "pause":
      return pause(command.every);
    case "churn":
      return churn(command.perSecond);
    case "drop":
      return drop();
    case "close":
      drop();
      process.disconnect();
      return undefined;
  }
}

process.on(
  "message",
  ({ id, command }: { readonly id: number; readonly command: SwarmCommand }) => {
    answer(command).then(
      (result) => process.connected && process.send?.({ id, result }),
      (caught: unknown) => process.connected && process.send?.({ id, error: String(caught) }),
    );
  },
);
process.on("disconnect", () => process.exit(0));
