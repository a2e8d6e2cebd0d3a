/** What ends a WebSocket because its peer broke the protocol (RFC 6455 §7.4.1). */
export const BROKEN = {
  protocol: 1002,
  text: 1007,
  policy: 1008,
  tooBig: 1009,
} as const;

/** Stands for a close frame that names no code (RFC 6455 §7.1.5). */
export const NO_CODE = 1005;

/** Whether a peer may send this code in a close frame (RFC 6455 §7.4, and IANA's list of them). */
export function isCloseCode(code: number): boolean {
  if (code >= 3000 && code <= 4999) return true;
  return code >= 1000 && code <= 1014 && (code < 1004 || code > 1006);
}

/** The peer broke the protocol: it gets a close frame with this code, and nothing more is read. */
export class BrokenFrame extends Error {
  override readonly name = "BrokenFrame";
  readonly code: number;

  /** @param reason at most 123 bytes, which fit a close frame */
  constructor(code: number, reason: string) {
    super(reason);
    this.code = code;
  }
}
