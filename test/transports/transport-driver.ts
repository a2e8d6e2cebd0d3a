import { parsePosition } from "@penstock-dev/contract";

/** A frame as a client sees it. */
export interface Frame {
  readonly type?: string;
  readonly event_type?: string;
  readonly position?: string;
  readonly id?: string;
  readonly cursor?: string;
  readonly [member: string]: unknown;
}

/** What a connection is opened for. */
export type Target =
  | { readonly live: string; readonly query?: Readonly<Record<string, string>> }
  | {
      readonly session: string;
      readonly cursor?: string;
      readonly query?: Readonly<Record<string, string>>;
    };

export interface ConnectOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** The client's socket is destroyed once it has read so many bytes, in the middle of a frame too. */
  readonly cutAfterBytes?: number;
  /** Called with each whole frame, as it comes. */
  readonly onFrame?: (frame: Frame) => void;
}

/** One connection of one client. */
export interface TransportConnection {
  /** Every whole frame so far. */
  readonly frames: readonly Frame[];
  /** Everything as it came, for tests of the format. */
  readonly text: string;
  /** Resolves with the first frame at or behind `from` that fits; rejects where the end comes first. */
  next(fits: (frame: Frame) => boolean, from?: number): Promise<Frame>;
  /** Resolves when the connection is over, whoever ended it. */
  readonly over: Promise<Over>;
  /** Sends a frame, where the transport carries any. */
  send(frame: object): void;
  /** Destroys the client's socket. */
  destroy(): void;
}

export interface Over {
  /** The close code, where the transport has one and it came. */
  readonly code: number | undefined;
}

/** A transport, as a client of it: all that the conformance suite needs. */
export interface TransportDriver {
  readonly name: string;
  /** Whether clients send frames on it. */
  readonly duplex: boolean;
  /** Whether the protocol itself tells what was read (numbered pings). */
  readonly acknowledges: boolean;
  /** Whether the end has a code. */
  readonly closeCodes: boolean;
  connect(url: string, target: Target, options?: ConnectOptions): TransportConnection;
}

export const isEvent = (frame: Frame): boolean => frame.event_type !== undefined;
export const ofType =
  (type: string) =>
  (frame: Frame): boolean =>
    frame.type === type;

export function eventsOf(connection: { readonly frames: readonly Frame[] }): readonly Frame[] {
  return connection.frames.filter(isEvent);
}

/** The partition and offset of an event. */
export function placeOf(frame: Frame): { readonly partition: number; readonly offset: number } {
  const place = parsePosition(frame.position ?? "");
  if (place === undefined) throw new Error(`no position in ${JSON.stringify(frame)}`);
  return place;
}
