import type { ControlFrame, GapFrame } from "@penstock-dev/contract";
import type { Encoding } from "./outlet.ts";
import { cursorAt, type LogIdentity, type Place } from "./place.ts";

const HEARTBEAT = '{"type":"heartbeat"}';

/** A control frame in an encoding. @param cursor the cursor that it carries, if it carries one */
export function controlFrame(encoding: Encoding, frame: ControlFrame): Buffer {
  const cursor = "cursor" in frame ? frame.cursor : undefined;
  return encoding.control(frame.type, JSON.stringify(frame), cursor);
}

/**
 * The control frames that many clients get at the same place, encoded once for all of them. A place
 * is known by identity: places are never changed, and those who stand together share one.
 */
export class ControlFrames {
  readonly #identity: () => LogIdentity;
  readonly #cursors = new WeakMap<Place, string>();
  readonly #checkpoints = new WeakMap<Place, (Buffer | undefined)[]>();
  readonly #heartbeats = new WeakMap<Place, (Buffer | undefined)[]>();

  constructor(identity: () => LogIdentity) {
    this.#identity = identity;
  }

  cursor(place: Place): string {
    let cursor = this.#cursors.get(place);
    if (cursor === undefined) {
      cursor = cursorAt(place, this.#identity());
      this.#cursors.set(place, cursor);
    }
    return cursor;
  }

  checkpoint(encoding: Encoding, place: Place): Buffer {
    let frames = this.#checkpoints.get(place);
    if (frames === undefined) {
      frames = [];
      this.#checkpoints.set(place, frames);
    }
    let frame = frames[encoding.slot];
    if (frame === undefined) {
      frame = controlFrame(encoding, { type: "checkpoint", cursor: this.cursor(place) });
      frames[encoding.slot] = frame;
    }
    return frame;
  }

  /** A heartbeat, with the checkpoint that comes with each. */
  heartbeatAt(encoding: Encoding, place: Place): Buffer {
    let frames = this.#heartbeats.get(place);
    if (frames === undefined) {
      frames = [];
      this.#heartbeats.set(place, frames);
    }
    let frame = frames[encoding.slot];
    if (frame === undefined) {
      const heartbeat = encoding.control("heartbeat", HEARTBEAT);
      frame = Buffer.concat([heartbeat, this.checkpoint(encoding, place)]);
      frames[encoding.slot] = frame;
    }
    return frame;
  }

  caughtUp(encoding: Encoding, place: Place): Buffer {
    return controlFrame(encoding, { type: "caught_up", cursor: this.cursor(place) });
  }

  gap(encoding: Encoding, frame: GapFrame): Buffer {
    return controlFrame(encoding, frame);
  }
}
