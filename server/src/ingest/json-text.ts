import { PenstockError } from "@penstock-dev/contract";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** @throws PenstockError `invalid_json` where the bytes are no UTF-8 or the text is no JSON */
export function parseJsonBytes(bytes: Uint8Array): unknown {
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    throw new PenstockError("invalid_json", "The text is not well-formed UTF-8.");
  }
  try {
    return JSON.parse(text);
  } catch (caught) {
    const reason = caught instanceof Error ? caught.message : String(caught);
    throw new PenstockError("invalid_json", `The text is not JSON: ${reason.slice(0, 200)}`);
  }
}

/**
 * How deep lists and objects of a record may lie in each other: it is written as JSON again by every
 * reader, and what writes it calls itself as often.
 */
export const RECORD_DEPTH_MAX = 256;

/**
 * A record's value.
 *
 * @throws PenstockError as `parseJsonBytes` does; `invalid_event` where it is too deep
 */
export function parseRecordBytes(bytes: Uint8Array): unknown {
  // Before it is parsed: what is nested a million times takes a second, and half a gigabyte.
  if (!isTooDeep(bytes)) return parseJsonBytes(bytes);
  const message = `must have lists and objects in each other at most ${RECORD_DEPTH_MAX} deep`;
  throw new PenstockError("invalid_event", `The event ${message}.`, {
    errors: [{ path: "", message }],
  });
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Whether more brackets of a JSON text are open at once than may be; what stands in texts is none. */
function isTooDeep(json: Uint8Array): boolean {
  // Each has an end of its own.
  if (json.length <= RECORD_DEPTH_MAX) return false;
  let depth = 0;
  let inText = false;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at] as number;
    if (inText) {
      if (byte === BACKSLASH) at += 1;
      else if (byte === QUOTE) inText = false;
    } else if (byte === QUOTE) {
      inText = true;
    } else if ((byte & 0xdf) === 0x5b) {
      // `[` and `{`
      depth += 1;
      if (depth > RECORD_DEPTH_MAX) return true;
    } else if ((byte & 0xdf) === 0x5d) {
      // `]` and `}`
      depth -= 1;
    }
  }
  return false;
}
