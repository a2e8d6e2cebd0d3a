/** A client for tests of the engine: checks that nothing is lost, comes twice or was not asked for. */
import type { GapFrame } from "@penstock-dev/contract";
import type { Encoding, Outlet } from "./outlet.ts";
import type { Subscriber } from "./subscriber.ts";

/** Limits that allow whatever a test asks for. */
export const LIMITS = {
  rules_max: 10,
  values_max: 10,
  match_all: true,
  max_events_per_second: null,
  when_behind: ["skip", "wait", "latest", "disconnect"],
} as const;
/** A frame a line. */
export const lines: Encoding = {
  name: "lines",
  slot: 0,
  event: (body) => Buffer.from(`${body}\n`),
  control: (_type, json) => Buffer.from(`${json}\n`),
};

interface EventLine {
  readonly position: string;
  readonly order: { readonly kind: string };
}

/** What it got, and a socket that takes nothing now and then. */
export class JudgedClient implements Outlet {
  readonly encoding = lines;
  readonly problems: string[] = [];
  /** By partition, the next offset that is not accounted for. */
  readonly next: number[] = [];
  /** The kinds that it asked for, by the offsets from which on it did. */
  events = 0;
  gaps = 0;
  subscriber: Subscriber | undefined;
  /** Told when what was written has left the process. */
  drained: () => void = () => undefined;
  #open = true;
  #isDraining = false;
  readonly #kinds: ReadonlySet<string>;
  readonly #kindOf: (partition: number, offset: number) => string;

  constructor(kinds: readonly string[], kindOf: (partition: number, offset: number) => string) {
    this.#kinds = new Set(kinds);
    this.#kindOf = kindOf;
  }

  set isOpen(open: boolean) {
    this.#open = open;
  }

  room(): number {
    return this.#open ? 2000 : 0;
  }

  unreadMs(): number {
    return 0;
  }

  close(): void {}

  write(bytes: Uint8Array): void {
    if (!this.#isDraining)
      setImmediate(() => {
        this.#isDraining = false;
        this.drained();
      });
    this.#isDraining = true;
    for (const line of Buffer.from(bytes).toString().trimEnd().split("\n")) {
      const frame = JSON.parse(line) as EventLine | GapFrame | { readonly type: string };
      if ("position" in frame) this.#event(frame);
      else if (frame.type === "gap") this.#gap(frame as GapFrame);
    }
  }

  #event({ position, order }: EventLine): void {
    const [partition = 0, offset = 0] = position.split(":").map(Number);
    if (!this.#kinds.has(order.kind)) this.problems.push(`${position} was not asked for`);
    this.accountTo(partition, offset);
    if (offset < (this.next[partition] ?? 0)) this.problems.push(`${position} came again`);
    this.next[partition] = offset + 1;
    this.events += 1;
  }

  #gap({ to }: GapFrame): void {
    this.gaps += 1;
    for (const [partition, offset] of Object.entries(to))
      this.next[Number(partition)] = Math.max(this.next[Number(partition)] ?? 0, offset);
  }

  /** Whatever lies before an offset and was neither delivered nor told of must not have matched. */
  accountTo(partition: number, offset: number): void {
    for (let at = this.next[partition] ?? 0; at < offset; at++) {
      if (this.#kinds.has(this.#kindOf(partition, at)))
        this.problems.push(`${partition}:${at} was lost`);
    }
  }
}
