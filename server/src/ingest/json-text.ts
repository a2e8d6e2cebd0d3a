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
