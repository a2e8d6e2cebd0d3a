import type { SocketLike } from "./options.ts";

/** A WebSocket that a test plays the server of. */
export class FakeSocket implements SocketLike {
  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: { readonly data: unknown }) => void) | null = null;
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null = null;
  onerror: ((event: never) => void) | null = null;
  readonly sent: { readonly type: string; readonly [member: string]: unknown }[] = [];
  readonly url: string;
  closedWith: number | undefined;

  constructor(url: string) {
    this.url = url;
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }

  close(code?: number): void {
    this.closedWith ??= code ?? 1005;
  }

  /** The server accepts, and greets. Resolves when the client has said what it wants. */
  async accept(heartbeatMs = 15_000): Promise<void> {
    this.onopen?.(undefined as never);
    this.frame({ type: "hello", protocol: 1, server: "fake", heartbeat_interval_ms: heartbeatMs });
    await settled();
  }

  /** Accepts, and answers the subscription. */
  async subscribe(cursor: string): Promise<void> {
    await this.accept();
    this.frame({ type: "subscribed", cursor, rules: [], resume: "full" });
  }

  frame(frame: object): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }

  text(data: unknown): void {
    this.onmessage?.({ data });
  }

  /** An event at a place of partition 0, or of the one that is named. */
  event(offset: number, more: object = {}, partition = 0): void {
    const position = `${partition}:${offset}`;
    this.frame({ event_type: "thing", position, at: 0, id: position, thing: {}, ...more });
  }

  checkpoint(cursor: string): void {
    this.frame({ type: "checkpoint", cursor });
  }

  drop(code: number, reason = ""): void {
    this.onclose?.({ code, reason });
  }
}

/** Every promise that can settle without a timer has settled. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}
