import type { Source } from "@penstock-dev/contract";
import { EventTerms } from "../filter/index.ts";
import type { Stream, StreamEvent } from "../streams/index.ts";
import type { Encoding } from "./outlet.ts";

/** Sets of tags whose frames are kept: clients choose their tags, and may choose as many as they are. */
const TAGGED_MAX = 4;

/**
 * One event at its place in the log, decoded once and encoded at most once for each encoding and
 * set of tags, unless there are many: every client that gets it gets the same bytes.
 */
export class Entry {
  readonly partition: number;
  readonly offset: number;
  readonly atMs: number;
  readonly eventType: string;
  /** With the source, what tells whether a deletion hides it. */
  readonly contentKey: string | undefined;
  readonly source: Source | undefined;
  /** An undo, a deletion or a broadcast: what conflation keeps and a gap must tell of. */
  readonly cancels: boolean;
  /** Its content was deleted since: it holds no event for anyone. */
  hidden = false;
  readonly #stream: Stream;
  readonly #noun: string;
  readonly #tail: string;
  readonly #settles: boolean;
  /** Undefined of one that has settled. */
  #terms: EventTerms | undefined;
  /** By the encoding's slot; most entries of a replay are never encoded. */
  #encoded: (Buffer | undefined)[] | undefined;
  #tagged: Map<readonly string[], (Buffer | undefined)[]> | undefined;
  /** Null of an event that has none. */
  #key: string | null | undefined;

  /** @param terms of the event, by which it is matched */
  constructor(
    partition: number,
    offset: number,
    atMs: number,
    terms: EventTerms,
    cancels: boolean,
  ) {
    const { event } = terms;
    this.partition = partition;
    this.offset = offset;
    this.atMs = atMs;
    this.eventType = event.event_type;
    this.contentKey = event.contentKey;
    this.source = event.source;
    this.cancels = cancels;
    this.#stream = terms.stream;
    this.#noun = event.noun;
    this.#tail = event.tail;
    this.#settles = event.isAllInTail === true;
    this.#terms = terms;
  }

  /** By what it is matched. */
  get terms(): EventTerms {
    return this.#terms ?? new EventTerms(this.#stream, this.#reread(), this.partition, this.offset);
  }

  get event(): StreamEvent {
    return this.#terms?.event ?? this.#reread();
  }

  /**
   * Lets go of what was decoded, once it has been matched: objects that would outlive the next collection of
   * garbage for little. Who asks again has it decoded again, where its text says all.
   */
  settle(): void {
    if (this.#settles) this.#terms = undefined;
  }

  #reread(): StreamEvent {
    const { id, removed, [this.#noun]: payload } = JSON.parse(`{${this.#tail}`);
    return {
      event_type: this.eventType,
      id,
      noun: this.#noun,
      payload,
      source: this.source,
      contentKey: this.contentKey,
      tail: this.#tail,
      isAllInTail: true,
      ...(removed === true ? { removed } : {}),
    };
  }

  /** What it is an event of, of which the newest counts; taken once, for all who fall behind. */
  keyBy(latestBy: NonNullable<Stream["latestBy"]>): string | undefined {
    if (this.#key === undefined)
      this.#key = latestBy(this.event, this.partition, this.offset) ?? null;
    return this.#key ?? undefined;
  }

  /** Bytes of memory that the entry takes while it is decoded, about: 3.2 KB were measured for a post of 335. */
  get sizeBytes(): number {
    return 1000 + this.#tail.length * 8;
  }

  /** The same once it has settled, where it can, with a frame: 1.3 KB for such a post. */
  get settledBytes(): number {
    return this.#settles ? 700 + this.#tail.length * 3 : this.sizeBytes;
  }

  /** The whole frame. @param tags the same array for the same tags, for it is the cache's key */
  frame(encoding: Encoding, tags: readonly string[] | undefined): Buffer {
    const frames = this.#framesOf(tags);
    let frame = frames[encoding.slot];
    if (frame === undefined) {
      frame = encoding.event(this.body(tags));
      frames[encoding.slot] = frame;
    }
    return frame;
  }

  #framesOf(tags: readonly string[] | undefined): (Buffer | undefined)[] {
    if (tags === undefined) {
      // An array that begins empty makes room for many.
      this.#encoded ??= [undefined];
      return this.#encoded;
    }
    this.#tagged ??= new Map();
    const known = this.#tagged.get(tags);
    if (known !== undefined) return known;
    const frames: (Buffer | undefined)[] = [];
    if (this.#tagged.size < TAGGED_MAX) this.#tagged.set(tags, frames);
    return frames;
  }

  /** The event as JSON. */
  body(tags: readonly string[] | undefined): string {
    const spliced = tags === undefined ? "" : `"tags":${JSON.stringify(tags)},`;
    return `{"event_type":${JSON.stringify(this.eventType)},"position":"${this.partition}:${this.offset}","at":${this.atMs},${spliced}${this.#tail}`;
  }
}
