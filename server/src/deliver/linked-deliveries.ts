/** Processes of one server for tests: each with connections of its own, over one log and one store. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { accessOptions, openGrant } from "../access/index.ts";
import { temporaryLog } from "../log/index.ts";
import { defaultsOf } from "../option.ts";
import { ensureTopics, loadStreams } from "../streams/index.ts";
import { Delivery } from "./delivery.ts";
import { type EmbeddedSessionStore, openSessionStore } from "./embedded-session-store.ts";
import { deliverOptions } from "./options.ts";
import type { Encoding, Outlet } from "./outlet.ts";
import { noPeers, type Peers } from "./peers.ts";
import type { SessionRecord, SessionStore } from "./session.ts";
import { openSharedSessionStore } from "./shared-session-store.ts";
import { StreamConnection } from "./stream-connection.ts";

const encoding: Encoding = {
  name: "lines",
  slot: 0,
  event: (body) => Buffer.from(`${body}\n`),
  control: (_type, json) => Buffer.from(`${json}\n`),
};

export const grant = openGrant(defaultsOf(accessOptions));

/** A client that reads whatever comes. */
export class Client implements Outlet {
  readonly encoding = encoding;
  readonly closes: number[] = [];
  /** The frames that it got. */
  text = "";

  room(): number {
    return 100_000;
  }

  unreadMs(): number {
    return 0;
  }

  write(bytes: Uint8Array): void {
    this.text += Buffer.from(bytes).toString();
  }

  close(code: number): void {
    this.closes.push(code);
  }
}

/** Processes that hear each other, a moment later. */
export function linked(names: readonly string[]): (name: string) => Peers {
  const answers = new Map<string, Parameters<Peers["serve"]>[0]>();
  return (name) => {
    assert.ok(names.includes(name));
    return {
      self: name,
      ask: async (holder, request) => {
        await setTimeout(Math.random() * 4);
        const answer = await answers.get(holder)?.(request);
        await setTimeout(Math.random() * 4);
        return answer;
      },
      serve: (answer) => void answers.set(name, answer),
    };
  };
}

/** Who writes sessions: each process by itself, or another one for them over a pipe, which copies. */
export type Writing = "own" | "shared";
export const WRITINGS: readonly Writing[] = ["own", "shared"];

/** How processes are made. */
export interface Processes {
  readonly writing?: Writing;
  /** Left out: they do not hear each other. */
  readonly peersOf?: (name: string) => Peers;
}

/** Two processes, `first` and `second`, and what is stored of their sessions. */
export async function withProcesses(
  { writing = "own", peersOf = noPeers }: Processes,
  check: (
    first: Delivery,
    second: Delivery,
    stored: (id: string) => Promise<SessionRecord>,
  ) => Promise<void>,
): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), "penstock-processes-"));
  await using temporary = await temporaryLog();
  const { log } = temporary;
  const declared = { orders: { topic: "orders", noun: "order", fields: ["kind"] } };
  const streams = loadStreams(declared, new Map(), 1);
  for (const stream of streams.values()) await ensureTopics(log, stream, {});
  const writer = openSessionStore(dataDir, Date.now);
  const open = (name: string): Promise<Delivery> =>
    Delivery.open({
      options: defaultsOf(deliverOptions),
      streams,
      store: writing === "own" ? openSessionStore(dataDir, Date.now) : throughPipe(dataDir, writer),
      now: Date.now,
      log,
      peers: peersOf(name),
    });
  const [first, second] = [await open("first"), await open("second")];
  try {
    await check(first, second, (id) => first.sessions.stored(id));
  } finally {
    for (const one of [first, second, writer]) await one[Symbol.asyncDispose]();
    await rm(dataDir, { recursive: true, force: true });
  }
}

function throughPipe(dataDir: string, writer: EmbeddedSessionStore): SessionStore {
  return openSharedSessionStore(dataDir, Date.now, {
    create: async (sessions) => await writer.create(structuredClone(sessions)),
    put: async (sessions) => await writer.put(structuredClone(sessions)),
    claim: async (id, holder) => structuredClone(await writer.claim(id, holder)),
    delete: async (ids) => await writer.delete(ids),
    isGone: () => false,
  });
}

/** A connection of a client to a session, as it is found by then. */
export async function connect(at: Delivery, id: string, client = new Client()) {
  const known = await at.sessions.get(id, grant.clientId);
  const connection = new StreamConnection(at, client, grant);
  await connection.open(async () => ({ session: known }));
  return { client, connection, known };
}
