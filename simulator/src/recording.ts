import { decodeCursor, type GapFrame } from "@penstock-dev/contract";

/** What one client saw, in the order in which it saw it. */
export type Observation =
  | { readonly kind: "opened"; readonly tick: number }
  | {
      readonly kind: "subscribed";
      readonly offsets: readonly number[];
      /** Which of the swarm's filters is in force from there. */
      readonly filter: number;
      readonly resume: string;
    }
  | {
      readonly kind: "event";
      readonly partition: number;
      readonly offset: number;
      readonly tags: readonly string[] | undefined;
    }
  | { readonly kind: "cursor"; readonly offsets: readonly number[] }
  | { readonly kind: "gap"; readonly gap: GapFrame }
  | { readonly kind: "error"; readonly code: string; readonly fatal: boolean }
  | { readonly kind: "closed"; readonly code: number };

/**
 * What all clients of a run have in common: the text of each event as whoever saw it first, and a
 * clock of what happened before what.
 */
export class SharedSight {
  readonly texts = new Map<string, string>();
  /** When the first client got each deletion, by the content's author and id. */
  readonly deletionTicks = new Map<string, number>();
  /** Events whose text differs between clients: there should be none. */
  readonly differing: string[] = [];
  #tick = 0;

  tick(): number {
    this.#tick += 1;
    return this.#tick;
  }

  /** @param text the whole event as it came, without its tags */
  see(topic: string, position: string, text: string): void {
    const key = `${topic} ${position}`;
    const known = this.texts.get(key);
    if (known === undefined) this.texts.set(key, text);
    else if (known !== text) this.differing.push(key);
  }
}

interface AnyFrame {
  readonly type?: string;
  readonly event_type?: string;
  readonly id?: string;
  readonly position?: string;
  readonly tags?: readonly string[];
  readonly cursor?: string;
  readonly rules?: readonly object[];
  readonly resume?: string;
  readonly code?: string;
  readonly fatal?: boolean;
  readonly tweet?: { readonly user_id?: string };
}

/** What a connection ends with that no close frame ended (RFC 6455 §7.1.5). */
const LOST = 1006;

/** Writes down the frames of one client, and knows how far they reach. */
export class Recording {
  readonly observations: Observation[] = [];
  readonly problems: string[] = [];
  /** The last cursor that the server gave. */
  cursor: string | undefined;
  /** By partition: everything before is accounted for, as far as the frames say. */
  readonly reached: number[] = [];
  events = 0;
  gaps = 0;
  sessionId: string | undefined;
  /** Connections that ended though neither side had said so: the code, and what came before it. */
  readonly unannounced: string[] = [];
  /** Whether the end of the connection would come as no surprise. */
  #isAnnounced = true;
  readonly #topic: string;
  readonly #sight: SharedSight;
  readonly #filterOf: (rules: string) => number | undefined;

  constructor(topic: string, sight: SharedSight, filterOf: (rules: string) => number | undefined) {
    this.#topic = topic;
    this.#sight = sight;
    this.#filterOf = filterOf;
  }

  /** @param begunTick when the client began to connect: what was deleted before is not for it */
  opened(begunTick: number): void {
    this.observations.push({ kind: "opened", tick: begunTick });
    this.#isAnnounced = false;
  }

  /** The client ends the connection itself. */
  cutting(): void {
    this.#isAnnounced = true;
  }

  closed(code: number): void {
    // A code of the server's is its word too: `go_away` waits behind a window that is used up.
    if (!this.#isAnnounced && code === LOST) {
      const before = this.observations.slice(-3).map((one) => JSON.stringify(one));
      this.unannounced.push(`${code} behind ${before.join(" ").slice(0, 400)}`);
    }
    this.#isAnnounced = true;
    this.observations.push({ kind: "closed", code });
  }

  /** Takes one frame as it came. */
  frame(text: string): void {
    let frame: AnyFrame;
    try {
      frame = JSON.parse(text) as AnyFrame;
    } catch {
      this.problems.push(`a frame is no JSON: ${text.slice(0, 120)}`);
      return;
    }
    if (frame.event_type !== undefined) this.#event(frame, text);
    else this.#control(frame);
  }

  #event(frame: AnyFrame, text: string): void {
    const { position = "", tags } = frame;
    const [partition = -1, offset = -1] = position.split(":").map(Number);
    const bare = tags === undefined ? text : text.replace(`"tags":${JSON.stringify(tags)},`, "");
    this.#sight.see(this.#topic, position, bare);
    if (frame.event_type === "delete" && frame.tweet !== undefined) {
      const content = `${frame.tweet.user_id}\n${frame.id}`;
      const { deletionTicks } = this.#sight;
      if (!deletionTicks.has(content)) deletionTicks.set(content, this.#sight.tick());
    }
    this.observations.push({ kind: "event", partition, offset, tags });
    this.reached[partition] = Math.max(this.reached[partition] ?? 0, offset + 1);
    this.events += 1;
  }

  #control(frame: AnyFrame): void {
    if (frame.type === "gap") {
      const gap = frame as unknown as GapFrame;
      this.observations.push({ kind: "gap", gap });
      this.#reach(Object.entries(gap.to));
      this.gaps += 1;
    } else if (frame.type === "error") {
      const { code = "", fatal = false } = frame;
      this.observations.push({ kind: "error", code, fatal });
      if (fatal) this.#isAnnounced = true;
    } else if (frame.type === "go_away") {
      this.#isAnnounced = true;
    } else if (frame.cursor !== undefined) {
      const { cursor } = frame;
      const offsets = offsetsOf(cursor);
      if (frame.type === "subscribed") {
        const filter = this.#filterOf(JSON.stringify(frame.rules));
        if (filter === undefined) {
          this.problems.push(
            `\`subscribed\` names rules of nobody: ${JSON.stringify(frame.rules)}`,
          );
        }
        const { resume = "" } = frame;
        this.observations.push({ kind: "subscribed", offsets, filter: filter ?? -1, resume });
      } else {
        this.observations.push({ kind: "cursor", offsets });
        this.#reach(offsets.entries());
      }
      this.cursor = cursor;
    }
    if (frame.type === "hello") {
      const { session_id } = frame as { readonly session_id?: string };
      if (session_id !== undefined) this.sessionId = session_id;
    }
  }

  #reach(offsets: Iterable<readonly [string | number, number]>): void {
    for (const [partition, offset] of offsets) {
      const at = Number(partition);
      this.reached[at] = Math.max(this.reached[at] ?? 0, offset);
    }
  }
}

/** A cursor's offsets by partition. */
export function offsetsOf(cursor: string): number[] {
  const offsets: number[] = [];
  for (const [partition, { offset }] of decodeCursor(cursor).partitions)
    offsets[partition] = offset;
  return offsets;
}
