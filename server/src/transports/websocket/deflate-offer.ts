/** The window that every frame out is compressed with, as a power of two: frames are short. */
export const DEFLATE_WINDOW_BITS = 12;

/**
 * What is answered to a client's offers of extensions (RFC 6455 §9.1, RFC 7692 §5): the first offer
 * of permessage-deflate that can be met, or undefined.
 *
 * Both sides begin each message anew. So a frame out is the same for everyone who gets it, and a
 * connection keeps no window between messages in either direction.
 */
export function answerOffers(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  for (const offer of splitUnquoted(header, ",")) {
    const answer = answerOffer(offer);
    if (answer !== undefined) return answer;
  }
  return undefined;
}

function answerOffer(offer: string): string | undefined {
  const [name, ...parameters] = splitUnquoted(offer, ";");
  if (name !== "permessage-deflate") return undefined;
  const seen = new Set<string>();
  let window = "";
  for (const parameter of parameters) {
    const [key = "", value] = parameter.split(/\s*=\s*/, 2);
    if (seen.has(key)) return undefined;
    seen.add(key);
    if (key === "server_no_context_takeover" || key === "client_no_context_takeover") {
      if (value !== undefined) return undefined;
    } else if (key === "server_max_window_bits") {
      const bits = windowBits(value);
      if (bits === undefined || bits < DEFLATE_WINDOW_BITS) return undefined;
      window = `; server_max_window_bits=${DEFLATE_WINDOW_BITS}`;
    } else if (key === "client_max_window_bits") {
      // What a client says of itself sets no bound here: inflating takes the largest window.
      if (value !== undefined && windowBits(value) === undefined) return undefined;
    } else {
      return undefined;
    }
  }
  return `permessage-deflate; server_no_context_takeover; client_no_context_takeover${window}`;
}

/** A window size as RFC 7692 §7.1.2 writes it: 8 to 15, without leading zeros. */
function windowBits(value: string | undefined): number | undefined {
  const text = value === undefined ? "" : value.replace(/^"(.*)"$/, "$1");
  return /^([89]|1[0-5])$/.test(text) ? Number(text) : undefined;
}

/** Parts of a header's value; a separator within quotes is none. */
function splitUnquoted(value: string, separator: "," | ";"): string[] {
  const parts: string[] = [];
  let part = "";
  let quoted = false;
  for (const character of value) {
    if (character === '"') quoted = !quoted;
    if (character === separator && !quoted) {
      parts.push(part.trim());
      part = "";
    } else {
      part += character;
    }
  }
  parts.push(part.trim());
  return parts;
}
