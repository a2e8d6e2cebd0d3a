import { deadTopic } from "../streams/index.ts";
import { PartitionProcessor, type ProcessorInit } from "./partition-processor.ts";

/** The processing of one stream. */
export class Processor implements AsyncDisposable {
  readonly #init: Omit<ProcessorInit, "deadTopic">;
  readonly #partitions: readonly PartitionProcessor[];
  readonly #abort = new AbortController();
  readonly #running: Promise<unknown>;

  constructor(init: Omit<ProcessorInit, "deadTopic">, partitions: readonly PartitionProcessor[]) {
    this.#init = init;
    this.#partitions = partitions;
    this.#running = Promise.all(partitions.map((partition) => partition.run(this.#abort.signal)));
  }

  get stream(): string {
    return this.#init.stream.name;
  }

  /** By partition, raw records that are not processed yet. */
  async lag(): Promise<readonly number[]> {
    const heads = await this.#init.log.heads(this.#init.stream.ingestTopic);
    return heads.map((head, partition) =>
      Math.max(0, head - (this.#partitions[partition]?.next ?? 0)),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }
}

/**
 * Begins to process a stream; undefined for one that is served as it lies. Its topics exist.
 *
 * @param init.report told of dead letters, notices and restarts
 */
export function startProcessor(init: Omit<ProcessorInit, "deadTopic">): Processor | undefined {
  const { stream } = init;
  const { domain } = stream;
  if (domain?.process === undefined) return undefined;
  const partitions = Array.from(
    { length: stream.partitions },
    (_, partition) =>
      new PartitionProcessor({ ...init, deadTopic: deadTopic(stream) }, domain, partition),
  );
  return new Processor(init, partitions);
}
