import type { EventTerms } from "../filter/index.ts";

/** An event of the archive as it was read: undefined terms where queries do not list it. */
export interface DecodedEvent {
  readonly terms: EventTerms | undefined;
  /** As it goes over the wire. */
  readonly body: string;
}

/** What surrounds a text in memory, and what was parsed of it: roughly. */
const OVERHEAD_BYTES = 500;

/** Events that were read lately, within some bytes; those read first leave first. */
export class DecodedEvents {
  readonly #bytesMax: number;
  readonly #partitions: Map<number, DecodedEvent>[] = [];
  /** In the order in which they came. */
  #order: [partition: number, offset: number][] = [];
  #oldest = 0;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get(partition: number, offset: number): DecodedEvent | undefined {
    return this.#partitions[partition]?.get(offset);
  }

  set(partition: number, offset: number, event: DecodedEvent): void {
    let events = this.#partitions[partition];
    if (events === undefined) {
      events = new Map();
      this.#partitions[partition] = events;
    }
    events.set(offset, event);
    this.#order.push([partition, offset]);
    this.#bytes += sizeOf(event);
    while (this.#bytes > this.#bytesMax && this.#oldest < this.#order.length) this.#drop();
  }

  #drop(): void {
    const [partition, offset] = this.#order[this.#oldest] as [number, number];
    this.#oldest += 1;
    const events = this.#partitions[partition];
    const event = events?.get(offset);
    events?.delete(offset);
    if (event !== undefined) this.#bytes -= sizeOf(event);
    if (this.#oldest < 1024 || this.#oldest < this.#order.length / 2) return;
    this.#order = this.#order.slice(this.#oldest);
    this.#oldest = 0;
  }
}

function sizeOf({ body }: DecodedEvent): number {
  return body.length * 4 + OVERHEAD_BYTES;
}
