/** One process of the swarm: does what it is told over its channel, and ends with it. */
import { nowMicros } from "./bench-event.ts";
import { dialects } from "./dialects.ts";
import { LatencyHistogram } from "./latency-histogram.ts";
import { SwarmClient } from "./swarm-client.ts";
import type { ConnectCommand, SwarmCommand, SwarmReport } from "./swarm-command.ts";

/** The bytes of one client in so many are summed up, and compared with the others'. */
const SUMMED_EVERY = 50;
/** The more ports of an address are taken, the longer the kernel looks for a free one. */
const CLIENTS_PER_ADDRESS = 2000;
/** A full backlog, or a server that sheds load, turns some away. */
const TRIES_MAX = 8;

const clients: (SwarmClient | undefined)[] = [];
const NOTHING_SEEN = {
  events: 0,
  repeats: 0,
  misordered: 0,
  gaps: 0,
  closed: 0,
  reconnects: 0,
  why: "",
};
const seen = { ...NOTHING_SEEN };
const nothing = { bytes: 0, frames: 0, chunks: 0, compressed: 0 };
let plan: ConnectCommand | undefined;
let latency = new LatencyHistogram();
let connecting = new LatencyHistogram();
let churning: NodeJS.Timeout | undefined;
let cpu = process.cpuUsage();
let retired = nothing;
let reported = nothing;
let waiting: { readonly serial: number; readonly done: () => void } | undefined;
let owing = 0;

/** The last serial up to one that a client gets: those that leave its rest, modulo the filters. */
function lastDue(index: number, serial: number, distinct: number): number {
  return serial - ((((serial - index) % distinct) + distinct) % distinct);
}

function onEvent(client: SwarmClient, serial: number, micros: number): void {
  const { distinct, lossy, resumable } = plan as ConnectCommand;
  if (resumable && serial <= client.last) {
    // A session goes on behind what the client is known to have read: some may come again.
    seen.repeats += 1;
    return;
  }
  seen.events += 1;
  if (lossy ? serial <= client.last : !isNext(client, serial, distinct)) seen.misordered += 1;
  client.last = serial;
  if (micros > 0) latency.record(nowMicros() - micros);
  if (waiting !== undefined && serial === lastDue(client.index, waiting.serial, distinct)) {
    owing -= 1;
    if (owing === 0) waiting.done();
  }
}

function isNext({ last, index }: SwarmClient, serial: number, distinct: number): boolean {
  return last === 0 ? serial % distinct === index % distinct : serial === last + distinct;
}

function retire(client: SwarmClient): void {
  retired = {
    bytes: retired.bytes + client.bytes,
    frames: retired.frames + client.frames,
    chunks: retired.chunks + client.chunks,
    compressed: retired.compressed + client.compressed,
  };
}

/** Opens the client of a place, in its own session where it had one before. */
function open(at: number, before?: SwarmClient): Promise<void> {
  const init = plan as ConnectCommand;
  const index = init.first + at;
  const startMicros = nowMicros();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const fresh = init.path.replace("{}", String(index % init.distinct));
  const client = new SwarmClient(
    {
      index,
      port: init.port,
      localAddress: `${init.localNetwork}.${1 + Math.floor(at / CLIENTS_PER_ADDRESS)}`,
      dialect: dialects[init.dialect],
      path: before === undefined ? fresh : `/v1/stream/${before.session}`,
      timed: init.timed,
      resumable: init.resumable,
      summed: at % SUMMED_EVERY === 0,
    },
    {
      event: onEvent,
      gap: (behind) => {
        // What comes next is as the first: it is in order if it is the client's.
        behind.last = 0;
        seen.gaps += 1;
      },
      ready: () => {
        connecting.record(nowMicros() - startMicros);
        resolve();
      },
      closed: (closed, why) => {
        retire(closed);
        clients[at] = undefined;
        if (!closed.ready) {
          reject(new Error(why));
          return;
        }
        seen.closed += 1;
        seen.why = why;
      },
    },
  );
  if (before !== undefined) {
    client.last = before.last;
    client.session = before.session;
  }
  clients[at] = client;
  return promise;
}

/** Opens clients, so many at once; each of them is tried some times. */
async function openAll(
  places: readonly number[],
  concurrency: number,
  before: readonly (SwarmClient | undefined)[] = [],
): Promise<void> {
  let next = 0;
  const one = async (): Promise<void> => {
    while (next < places.length) {
      const at = places[next++] as number;
      for (let tries = 1; ; tries++) {
        try {
          await open(at, before[at]);
          break;
        } catch (caught) {
          if (tries === TRIES_MAX) throw caught;
          await new Promise((resolve) => setTimeout(resolve, 200 * tries));
        }
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, places.length) }, one));
}

async function connect(command: ConnectCommand): Promise<void> {
  plan = command;
  const places = Array.from({ length: command.count }, (_, at) => at);
  await openAll(places, command.concurrency);
  if (command.after === 0) return;
  for (const client of clients)
    if (client?.last === 0)
      client.last = Math.max(0, lastDue(client.index, command.after, command.distinct));
}

async function reach(serial: number): Promise<void> {
  const { distinct } = plan as ConnectCommand;
  owing = 0;
  for (const client of clients) {
    if (client === undefined || client.socket.isPaused()) continue;
    if (client.last < lastDue(client.index, serial, distinct)) owing += 1;
  }
  if (owing === 0) return;
  await new Promise<void>((done) => {
    waiting = { serial, done };
  });
  waiting = undefined;
}

/** Every so many-th client reads no more; answers how many those are. */
function pause(every: number): number {
  let paused = 0;
  for (const [at, client] of clients.entries()) {
    if (client === undefined || at % every !== 0) continue;
    client.socket.pause();
    paused += 1;
  }
  return paused;
}

/** Cuts one client after the other, and connects another in its place. */
function churn(perSecond: number): void {
  clearInterval(churning);
  if (perSecond === 0) return;
  let next = 0;
  const turn = (): void => {
    const at = next++ % clients.length;
    const client = clients[at];
    if (client === undefined) return;
    retire(client);
    client.cut();
    openAll([at], 1).then(
      () => {
        seen.reconnects += 1;
      },
      (caught: unknown) => {
        seen.closed += 1;
        seen.why = String(caught);
      },
    );
  };
  churning = setInterval(turn, Math.max(1, 1000 / perSecond));
}

/** Cuts all clients at once, and brings each back to its session. */
async function storm(concurrency: number): Promise<void> {
  const before = [...clients];
  for (const client of before) {
    if (client === undefined) continue;
    retire(client);
    client.cut();
  }
  const places = [...before.keys()].filter((at) => before[at] !== undefined);
  await openAll(places, concurrency, before);
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
    total.compressed += client.compressed;
    if (at % SUMMED_EVERY === 0) sums.push(client.sum);
  }
  const answer: SwarmReport = {
    ...seen,
    open: isOpen,
    bytes: total.bytes - reported.bytes,
    frames: total.frames - reported.frames,
    chunks: total.chunks - reported.chunks,
    compressed: total.compressed - reported.compressed,
    cpuMicros: used.user + used.system,
    sums,
    latency,
    connect: connecting,
  };
  reported = total;
  Object.assign(seen, NOTHING_SEEN);
  latency = new LatencyHistogram();
  connecting = new LatencyHistogram();
  return answer;
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
    case "storm":
      return await storm(command.concurrency);
  }
}

type Asked = { readonly id: number; readonly command: SwarmCommand };

process.on("message", ({ id, command }: Asked) => {
  answer(command).then(
    (result) => process.connected && process.send?.({ id, result }),
    (caught: unknown) => process.connected && process.send?.({ id, error: String(caught) }),
  );
});
process.on("disconnect", () => process.exit(0));
