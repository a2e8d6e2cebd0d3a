import type { Place } from "./place.ts";

/** How frames become bytes on one kind of connection; made once, shared by all connections. */
export interface Encoding {
  readonly name: string;
  /** A small number of its own: where an entry keeps its bytes in this encoding. */
  readonly slot: number;
  /** One event, whole. @param body its JSON */
  event(body: string): Buffer;
  /** One control frame, whole. @param cursor the cursor that it carries, if it carries one */
  control(type: string, json: string, cursor?: string): Buffer;
}

/**
 * One connection, as the engine sees it: a transport makes it, and the engine hands it whole frames
 * only. The transport calls the `Listener` that `connect` returned when something becomes possible.
 */
export interface Outlet {
  readonly encoding: Encoding;
  /** Bytes that may be handed over now; 0 while earlier ones wait or the window is used up. */
  room(): number;
  /**
   * Takes whole frames. What lies before `place` is delivered once the client has read them: the
   * transport gives it back by `acknowledged` where its protocol tells so.
   */
  write(bytes: Uint8Array, place: PlaceRef): void;
  /** How long bytes have been waiting unread, in milliseconds; 0 where none wait. */
  unreadMs(nowMs: number): number;
  /** Ends the connection: hands over `last` where nothing waits, then closes with the code. */
  close(code: number, reason: string, last: Uint8Array | undefined): void;
}

/** A place that is worked out only when somebody asks for it. */
export interface PlaceRef {
  place(): Place | undefined;
}
