import { constants, inflateRawSync } from "node:zlib";
import { BROKEN, BrokenFrame } from "./close-code.ts";

/** What a sender leaves away at the end of each message (RFC 7692 §7.2.1). */
const TAIL = Buffer.from([0x00, 0x00, 0xff, 0xff]);

/**
 * Inflates one message that refers to none before it, as `client_no_context_takeover` has it. The
 * inflater lives as long as the call, and stops at `bytesMax` whatever the message would become.
 *
 * @throws BrokenFrame 1009 beyond `bytesMax`, 1007 where it is no deflated message
 */
export function inflateMessage(payload: Uint8Array, bytesMax: number): Buffer {
  try {
    return inflateRawSync(Buffer.concat([payload, TAIL]), {
      finishFlush: constants.Z_SYNC_FLUSH,
      maxOutputLength: bytesMax,
    });
  } catch (caught) {
    if (caught instanceof RangeError) {
      throw new BrokenFrame(BROKEN.tooBig, "the message is too big");
    }
    throw new BrokenFrame(BROKEN.text, "the message cannot be inflated");
  }
}
