import type { Source } from "@penstock-dev/contract";
import type { Entry } from "./entry.ts";
import { laterSource, type Place } from "./place.ts";

/** Entries between two places that are kept whole; the ones between are worked out from them. */
const STRIDE = 256;
/** Places that were asked for and are kept. */
const ASKED_MAX = 64;

function move(offsets: number[], sources: (Source | undefined)[], entry: Entry): void {
  offsets[entry.partition] = entry.offset + 1;
  sources[entry.partition] = laterSource(sources[entry.partition], entry.source);
}

/**
 * The newest entries of a topic, in the order in which this process took them, addressed by an
 * ever-growing sequence and bounded by bytes. To each sequence S belongs the place R(S): where the
 * partitions stood before entry S was taken.
 */
export class Ring {
  readonly #bytesMax: number;
  #entries: (Entry | undefined)[] = new Array(1024);
  /** R at each multiple of STRIDE that is still held, by sequence. */
  readonly #strides = new Map<number, Place>();
  #tail = 0;
  #head = 0;
  #bytes = 0;
  #offsets: number[];
  #sources: (Source | undefined)[];
  /** R(tail): what the strides before it were good for. */
  readonly #tailOffsets: number[];
  readonly #tailSources: (Source | undefined)[];
  /** R of the sequences that were asked for last: a flush and its pongs ask for few, over and over. */
  readonly #asked = new Map<number, Place>();

  constructor(bytesMax: number, start: Place) {
    this.#bytesMax = bytesMax;
    this.#offsets = [...start.offsets];
    this.#sources = [...start.sources];
    this.#tailOffsets = [...start.offsets];
    this.#tailSources = [...start.sources];
    this.#strides.set(0, start);
  }

  /** The oldest sequence that is held. */
  get tail(): number {
    return this.#tail;
  }

  /** The sequence that the next entry gets. */
  get head(): number {
    return this.#head;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Takes an entry, and answers its sequence. */
  push(entry: Entry): number {
    const seq = this.#head;
    if (seq % STRIDE === 0) this.#strides.set(seq, this.#headPlace());
    if (seq - this.#tail === this.#entries.length) this.#grow();
    this.#entries[seq & (this.#entries.length - 1)] = entry;
    this.#head += 1;
    this.#bytes += entry.settledBytes;
    this.#pass(entry.partition, entry.offset + 1, entry.source);
    return seq;
  }

  /** Goes past offsets of a partition that hold no event for anyone. */
  pass(partition: number, next: number, source: Source | undefined): void {
    this.#pass(partition, next, source);
  }

  #pass(partition: number, next: number, source: Source | undefined): void {
    this.#offsets[partition] = Math.max(this.#offsets[partition] ?? 0, next);
    this.#sources[partition] = laterSource(this.#sources[partition], source);
    // R(head) goes on with what is passed; for every sequence before, R is fixed.
    this.#asked.delete(this.#head);
  }

  /** The last source seen in a partition. */
  source(partition: number): Source | undefined {
    return this.#sources[partition];
  }

  get(seq: number): Entry | undefined {
    if (seq < this.#tail || seq >= this.#head) return undefined;
    return this.#entries[seq & (this.#entries.length - 1)];
  }

  /** The sequence that the tail would have to move to for the ring to fit its bound. */
  overflow(): number {
    let tail = this.#tail;
    let bytes = this.#bytes;
    while (bytes > this.#bytesMax && tail < this.#head) {
      bytes -= this.get(tail)?.settledBytes ?? 0;
      tail += 1;
    }
    return tail;
  }

  /** Whether what lies behind `seq` takes more than half of the ring's bound. */
  isHalfAhead(seq: number): boolean {
    if (this.#bytes <= this.#bytesMax / 2) return false;
    const entries = Math.max(1, this.#head - this.#tail);
    return (this.#head - seq) / entries > 0.5;
  }

  /** Lets go of everything before `tail`. */
  evict(tail: number): void {
    while (this.#tail < tail) {
      const slot = this.#tail & (this.#entries.length - 1);
      const entry = this.#entries[slot];
      if (entry !== undefined) {
        this.#bytes -= entry.settledBytes;
        move(this.#tailOffsets, this.#tailSources, entry);
      }
      this.#entries[slot] = undefined;
      this.#tail += 1;
    }
    for (const seq of this.#asked.keys()) if (seq < this.#tail) this.#asked.delete(seq);
    for (const seq of this.#strides.keys()) {
      if (seq >= this.#tail) break;
      this.#strides.delete(seq);
    }
  }

  /** R(S); undefined where S has left the ring. */
  placeAt(seq: number): Place | undefined {
    const asked = this.#asked.get(seq);
    if (asked !== undefined) return asked;
    const place = seq === this.#head ? this.#headPlace() : this.#placeBetween(seq);
    if (place === undefined) return undefined;
    if (this.#asked.size >= ASKED_MAX) this.#asked.clear();
    this.#asked.set(seq, place);
    return place;
  }

  #headPlace(): Place {
    return { offsets: [...this.#offsets], sources: [...this.#sources] };
  }

  #placeBetween(seq: number): Place | undefined {
    if (seq < this.#tail || seq > this.#head) return undefined;
    const from = Math.max(this.#tail, Math.floor(seq / STRIDE) * STRIDE);
    const stride = this.#strides.get(from);
    const offsets = [...(stride?.offsets ?? this.#tailOffsets)];
    const sources = [...(stride?.sources ?? this.#tailSources)];
    for (let at = from; at < seq; at++) {
      const entry = this.#entries[at & (this.#entries.length - 1)];
      if (entry !== undefined) move(offsets, sources, entry);
    }
    return { offsets, sources };
  }

  #grow(): void {
    const grown: (Entry | undefined)[] = new Array(this.#entries.length * 2);
    for (let seq = this.#tail; seq < this.#head; seq++) {
      grown[seq & (grown.length - 1)] = this.#entries[seq & (this.#entries.length - 1)];
    }
    this.#entries = grown;
  }
}
