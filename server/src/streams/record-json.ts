import { isUtf8 } from "node:buffer";

/** A record's bytes as text, and what its JSON says; or what is wrong with them. */
export type RecordJson =
  | { readonly text: string; readonly body: unknown }
  | { readonly wrong: string };

/** Reads bytes of a topic that anyone may have written: what is no UTF-8 is not mended in silence. */
export function readJson(value: Uint8Array): RecordJson {
  if (!isUtf8(value)) return { wrong: "the record is not UTF-8" };
  const text = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString();
  try {
    return { text, body: JSON.parse(text) };
  } catch {
    return { wrong: "the record is not JSON" };
  }
}
