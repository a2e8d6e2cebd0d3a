import { type Processor, type ProcessReport, startProcessor } from "../process/index.ts";
import { Archive } from "../store/index.ts";
import { ensureTopics } from "../streams/index.ts";
import type { Base } from "./base.ts";

/** What runs once in a server, whatever the number of its processes: process and store. */
export interface Background {
  readonly processors: readonly Processor[];
  readonly archive: Archive;
  /** Raw records that could not be processed, by stream. */
  readonly deadLetters: ReadonlyMap<string, number>;
}

/** Makes the topics where they are missing, and starts what follows them. */
export async function startBackground(
  { config, log, streams, observer, now }: Base,
  stack: AsyncDisposableStack,
): Promise<Background> {
  const { logger } = observer;
  for (const stream of streams.values()) await ensureTopics(log, stream, config.log);
  const deadLetters = new Map<string, number>();
  const report = (told: ProcessReport): void => {
    if (told.kind === "dead_letter")
      deadLetters.set(told.stream, (deadLetters.get(told.stream) ?? 0) + 1);
    logger[told.kind === "notice" ? "info" : "warn"](told, `processing: ${told.kind}`);
  };
  const processors = [...streams.values()]
    .map((stream) => startProcessor({ log, stream, options: config.process, now, report }))
    .filter((processor) => processor !== undefined);
  for (const processor of processors) stack.use(processor);
  const { dataDir } = config.server;
  const archive = stack.use(new Archive({ dataDir, log, options: config.store, now }));
  for (const stream of streams.values()) {
    await archive.follow(stream, (caught) =>
      logger.error({ error: String(caught) }, "a reader failed; trying again"),
    );
  }
  return { processors, archive, deadLetters };
}
