import { createHash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { PenstockError } from "@penstock-dev/contract";
import { answerOffers } from "./deflate-offer.ts";

/** Joined to a client's key, it shows that the server speaks WebSocket (RFC 6455 §1.3). */
const KEY_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** The version of RFC 6455. */
export const WEBSOCKET_VERSION = "13";

/** What of a request an opening handshake looks at. */
export interface OpeningRequest {
  readonly method?: string | undefined;
  readonly httpVersionMajor: number;
  readonly httpVersionMinor: number;
  readonly headers: IncomingHttpHeaders;
}

/** An opening handshake that was found good. */
export interface Handshake {
  /** The head that answers it, whole. */
  readonly answer: string;
  /** Whether permessage-deflate was agreed on. */
  readonly compression: boolean;
}

/**
 * Reads an opening handshake (RFC 6455 §4.2.1), and makes its answer (§4.2.2).
 *
 * @param offerCompression whether an offer of permessage-deflate is taken
 * @throws PenstockError `method_not_allowed`, `upgrade_required` for another version, or
 *   `invalid_request`
 */
export function shakeHands(request: OpeningRequest, offerCompression: boolean): Handshake {
  const { headers } = request;
  if (request.method !== "GET") {
    throw new PenstockError("method_not_allowed", "A WebSocket is opened by GET.");
  }
  const { httpVersionMajor: major, httpVersionMinor: minor } = request;
  if (major < 1 || (major === 1 && minor < 1)) throw wrong("A WebSocket is opened by HTTP/1.1.");
  if (!hasToken(headers.upgrade, "websocket")) throw wrong("`Upgrade` does not name websocket.");
  if (!hasToken(headers.connection, "upgrade")) throw wrong("`Connection` does not name Upgrade.");
  const version = headers["sec-websocket-version"];
  if (version !== WEBSOCKET_VERSION) {
    throw new PenstockError(
      "upgrade_required",
      `\`Sec-WebSocket-Version\` is ${WEBSOCKET_VERSION} here (RFC 6455).`,
    );
  }
  const key = headers["sec-websocket-key"];
  // Sixteen bytes in base64: the last letter before the padding stands for two bits.
  if (key === undefined || !/^[A-Za-z0-9+/]{21}[A-Za-z0-9+/]==$/.test(key)) {
    throw wrong("`Sec-WebSocket-Key` is not 16 bytes in base64.");
  }
  const protocol = firstProtocol(headers["sec-websocket-protocol"]);
  const extension = offerCompression
    ? answerOffers(headers["sec-websocket-extensions"])
    : undefined;
  const lines = [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${acceptOf(key)}`,
    ...(protocol === undefined ? [] : [`Sec-WebSocket-Protocol: ${protocol}`]),
    ...(extension === undefined ? [] : [`Sec-WebSocket-Extensions: ${extension}`]),
  ];
  return { answer: `${lines.join("\r\n")}\r\n\r\n`, compression: extension !== undefined };
}

/** What answers a client's key (RFC 6455 §4.2.2). */
export function acceptOf(key: string): string {
  return createHash("sha1").update(`${key}${KEY_SUFFIX}`).digest("base64");
}

function hasToken(header: string | undefined, token: string): boolean {
  if (header === undefined) return false;
  return header.split(",").some((part) => part.trim().toLowerCase() === token);
}

/**
 * The first subprotocol that a client names. Frames are the same in each; browsers end a connection
 * for which they named some and none was chosen.
 */
function firstProtocol(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const names = header.split(",").map((name) => name.trim());
  for (const name of names) {
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) {
      throw wrong("`Sec-WebSocket-Protocol` is not a list of names.");
    }
  }
  return names[0];
}

function wrong(detail: string): PenstockError {
  return new PenstockError("invalid_request", detail);
}
