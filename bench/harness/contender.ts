import { join } from "node:path";
import { eventTemplate, post } from "./bench-event.ts";
import { buildC, buildGo } from "./build.ts";
import type { DialectName } from "./dialects.ts";
import { PenstockServer } from "./penstock-server.ts";
import { cpuMicros, processTree } from "./process-cost.ts";
import { Program } from "./program.ts";

/** A server that runs, has clients, and sends events to all of them when it is told. */
export interface Contending extends AsyncDisposable {
  readonly port: number;
  readonly dialect: DialectName;
  readonly path: string;
  readonly pids: readonly number[];
  /** Sends events with serials from `serial` on to every client. */
  readonly send: (events: number, serial: number) => Promise<void>;
}

/** Somebody whom the same work is given to. */
export interface Contender {
  readonly name: string;
  /** Clients, where it has not as many as the others. */
  readonly clients?: number;
  /** @throws AbsentError where it cannot be had */
  readonly start: (eventBytes: number) => Promise<Contending>;
}

/** How Penstock takes part. */
export interface PenstockInit {
  readonly name?: string;
  readonly flags?: readonly string[];
  readonly path?: string;
  readonly dialect?: "penstock" | "penstockDeflate";
}

/** Penstock, the whole of it: taking in, keeping, processing and storing is in its figures. */
export function penstock(init: PenstockInit = {}): Contender {
  const { name = "penstock", flags = [], dialect = "penstock" } = init;
  return {
    name,
    start: async () => {
      const server = await PenstockServer.start(flags);
      return {
        port: server.port,
        dialect,
        path: init.path ?? "/v1/tweets/live?hashtags=bench",
        pids: server.pids,
        send: async (events, serial) =>
          await server.publish(Array.from({ length: events }, (_, at) => post(serial + at))),
        [Symbol.asyncDispose]: async () => await server[Symbol.asyncDispose](),
      };
    },
  };
}

/** What an event costs before it is delivered to anybody else: Penstock with one client. */
export const penstockAlone: Contender = {
  ...penstock({ name: "penstock, one client" }),
  clients: 1,
};

const folder = (...parts: readonly string[]): string => join(import.meta.dirname, "..", ...parts);

async function program(
  eventBytes: number,
  command: string,
  args: readonly string[],
  speaks: { readonly dialect: DialectName; readonly path?: string },
): Promise<Contending> {
  const env = { BENCH_EVENT: eventTemplate(eventBytes) };
  const started = await Program.start({ command, args, env, ready: /^(\d+)\n/ });
  const pids = processTree(started.pid);
  return {
    port: Number(started.said[1]),
    dialect: speaks.dialect,
    path: speaks.path ?? "/",
    pids,
    send: async (events, serial) => {
      started.child.stdin?.write(`${events} ${serial}\n`);
    },
    [Symbol.asyncDispose]: async () => await started[Symbol.asyncDispose](),
  };
}

const node = (name: string, path: string, speaks: Parameters<typeof program>[3]): Contender => ({
  name,
  start: async (bytes) => await program(bytes, process.execPath, [path], speaks),
});

const go = (name: string, path: string, speaks: Parameters<typeof program>[3]): Contender => ({
  name,
  start: async (bytes) => await program(bytes, await buildGo(path), [], speaks),
});

export const bareC: Contender = {
  name: "bare C",
  start: async (bytes) =>
    await program(bytes, await buildC(folder("baselines", "bare.c")), [], { dialect: "raw" }),
};

export const bareNode = node("bare Node", folder("baselines", "bare-node.ts"), { dialect: "raw" });

export const wsLoop = node("ws", folder("rivals", "ws-loop.ts"), { dialect: "plain" });

export const socketIo = node("Socket.IO", folder("rivals", "socket-io.ts"), {
  dialect: "socketIo",
  path: "/socket.io/?EIO=4&transport=websocket",
});

export const centrifuge = go("Centrifuge", folder("rivals", "centrifuge"), {
  dialect: "centrifuge",
  path: "/connection/websocket",
});

export const nats = go("NATS", folder("rivals", "nats"), { dialect: "nats" });

/** CPU of a contender so far, in microseconds. */
export const costMicros = ({ pids }: Contending): number => cpuMicros(pids);
