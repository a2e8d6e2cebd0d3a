/** One worker process: what clients reach, over the log that the process which started it keeps. */
import { flushCompileCache } from "node:module";
import { PenstockError } from "@penstock-dev/contract";
import type { Config } from "./config/index.ts";
import {
  type HeldSession,
  openSharedSessionStore,
  type PeerRequest,
  type Peers,
} from "./deliver/index.ts";
import { domainMetrics, surfaceMetrics } from "./metrics.ts";
import { type Leaving, logWarnings, type MetricSample, watchProcess } from "./observe/index.ts";
import { openBase } from "./roles/base.ts";
import { startSurface } from "./roles/surface.ts";
import { writerOf } from "./roles/writer.ts";
import {
  ArchiveFiles,
  ArchiveReader,
  ArchiveRecent,
  archivePath,
  type Recent,
} from "./store/index.ts";
import { linkToParent, type WorkerAddress } from "./workers/index.ts";

interface Start {
  readonly config: Config;
  readonly name: string;
  readonly port: number;
}

type Answer = (request: PeerRequest) => Promise<HeldSession | undefined>;

logWarnings();
const stack = new AsyncDisposableStack();
let answerPeer: Answer | undefined;
let collect: () => Promise<readonly MetricSample[]> = async () => [];
let starting: Promise<unknown> = Promise.resolve();
let stopping: Promise<void> | undefined;
const hurrying = new AbortController();

const link = linkToParent(
  {
    start: async (message: Start) => {
      try {
        const started = start(message);
        starting = started.catch(() => undefined);
        return await started;
      } catch (caught) {
        if (caught instanceof PenstockError) throw caught;
        // What stopped the start is for whoever reads it at the console.
        throw new PenstockError(
          "internal",
          caught instanceof Error ? caught.message : String(caught),
        );
      }
    },
    asked: async (request: PeerRequest) => await answerPeer?.(request),
    collect: async () => await collect(),
    stop,
    hurry,
  },
  // Nobody archives or processes any more, and whoever starts the server anew wants the port.
  () => {
    hurry();
    void stop();
  },
);
process.on("SIGTERM", () => (stopping === undefined ? void stop() : hurry()));
// An interrupt goes to all processes of a terminal: the one that started this one says when to stop.
process.on("SIGINT", () => undefined);

async function start({ config, name, port }: Start): Promise<WorkerAddress> {
  const writer = writerOf(link);
  const base = await openBase(config, stack, writer.log);
  const { log, streams, now } = base;
  // Behind the last client, and before the log closes.
  stack.defer(async () => {
    const leaving: Leaving = { name, samples: await collect() };
    await link.call("leaving", leaving).catch(() => undefined);
  });
  const { dataDir } = config.server;
  const options = config.store;
  const files = stack.use(new ArchiveFiles(archivePath(dataDir)));
  const archive = new ArchiveReader({ files, log, options });
  const recent = new Map<string, Recent>();
  for (const stream of streams.values()) {
    const window = ArchiveRecent.open({ stream, options, now, log, files });
    recent.set(stream.name, stack.use(window));
  }
  const peers: Peers = {
    self: name,
    ask: async (holder, request) => (await link.ask(holder, request)) as HeldSession | undefined,
    serve: (answer) => {
      answerPeer = answer;
    },
  };
  const sessions = openSharedSessionStore(dataDir, now, writer.sessions);
  const init = { sessions, archive, recent, peers, port, isShared: true, hurry: hurrying.signal };
  const surface = await startSurface(base, init, stack);
  const watch = watchProcess(name);
  collect = async () => [
    ...(await surfaceMetrics(surface, base)),
    ...domainMetrics(base),
    ...watch(),
  ];
  // Those that start after it need not compile it again.
  flushCompileCache();
  return { url: surface.url, port: surface.port };
}

function hurry(): void {
  hurrying.abort();
}

/** What has begun to start is stopped once it is there: half of it would be left as it is. */
async function stop(): Promise<void> {
  stopping ??= starting
    .then(() => stack.disposeAsync())
    .finally(() => setImmediate(() => process.exit(0)));
  await stopping;
}
