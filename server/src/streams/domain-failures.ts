import { channel } from "node:diagnostics_channel";
import { performance } from "node:perf_hooks";

const logChannel = channel("penstock.log");

/** One member fails for every event, or for none: a line a minute is enough to find it. */
const TELL_MS = 60_000;

/** What becomes of an event where a member of its domain fails. */
export type Consequence =
  | "the event is taken to have no value for this field"
  | "the record is passed over"
  | "the event is taken to have no key"
  | "its state is rebuilt from further back";

/**
 * What a stream's domain failed in: code of others that throws must not stop what everybody reads.
 * It is counted by member, and told with the first position, then once a minute.
 */
export class DomainFailures {
  readonly #stream: string;
  readonly #domain: string | undefined;
  readonly #nowMs: () => number;
  readonly #counts = new Map<string, number>();
  readonly #toldMs = new Map<string, number>();

  /** @param nowMs milliseconds of a clock that never goes back */
  constructor(
    stream: string,
    domain: string | undefined,
    nowMs: () => number = () => performance.now(),
  ) {
    this.#stream = stream;
    this.#domain = domain;
    this.#nowMs = nowMs;
  }

  /** How often each member failed since the start. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  /**
   * Counts a failure, and tells of it where this member was not told of lately.
   *
   * @param member of the domain: `fields.nested.take`
   * @param position `partition:offset`, or the offset alone where no more is known
   */
  note(member: string, consequence: Consequence, caught: unknown, position: string): void {
    const count = (this.#counts.get(member) ?? 0) + 1;
    this.#counts.set(member, count);
    const nowMs = this.#nowMs();
    const toldMs = this.#toldMs.get(member);
    if (toldMs !== undefined && nowMs - toldMs < TELL_MS) return;
    this.#toldMs.set(member, nowMs);
    if (!logChannel.hasSubscribers) return;
    logChannel.publish({
      level: "error",
      msg: `a domain's code failed; ${consequence}`,
      stream: this.#stream,
      domain: this.#domain,
      member,
      position,
      error: thrownText(caught),
      failures: count,
    });
  }
}

/** What was thrown, as a text: code of others throws anything. */
export function thrownText(caught: unknown): string {
  try {
    return String(caught);
  } catch {
    return "something that is no text";
  }
}
