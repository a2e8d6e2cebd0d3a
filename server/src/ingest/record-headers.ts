import type { IncomingHttpHeaders } from "node:http";
import { PenstockError } from "@penstock-dev/contract";

/** What a request's header begins with that is for the record: `Penstock-Header-Region: eu`. */
const PREFIX = "penstock-header-";

/** Names that mean something of our own in a record. */
const RESERVED: readonly string[] = ["source", "routes", "id", "reason", "position"];

/**
 * The headers of a record that comes by HTTP. Names are in lower case, as HTTP does not tell case
 * apart.
 *
 * @throws PenstockError `invalid_request` for a name or a value that cannot be one
 */
export function readRecordHeaders(headers: IncomingHttpHeaders): Readonly<Record<string, string>> {
  const found: Record<string, string> = Object.create(null);
  for (const [header, value] of Object.entries(headers)) {
    if (!header.startsWith(PREFIX)) continue;
    const name = header.slice(PREFIX.length);
    if (!/^[a-z0-9-]{1,64}$/.test(name) || RESERVED.includes(name)) {
      throw new PenstockError(
        "invalid_request",
        `\`${header.slice(0, 100)}\` names no header that a record may have: 1 to 64 letters, digits or dashes, and none of ${RESERVED.join(", ")}.`,
      );
    }
    if (typeof value !== "string" || !/^[\x20-\x7e]{1,255}$/.test(value)) {
      throw new PenstockError(
        "invalid_request",
        `\`${header}\` has 1 to 255 printable ASCII characters.`,
      );
    }
    found[name] = value;
  }
  return found;
}
