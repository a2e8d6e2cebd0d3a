/** Which pages may connect: both the CORS list and the check of a WebSocket's `Origin`. */
export interface OriginPolicy {
  /** @param host the request's own `Host` */
  allows(origin: string | undefined, host: string | undefined): boolean;
  /** The CORS headers of an answer to that origin. */
  headers(origin: string | undefined, host: string | undefined): Readonly<Record<string, string>>;
}

const LOOPBACK = /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/;

/**
 * The policy of a list of exact origins. The server's own origin may always connect, and so may
 * whoever sends no `Origin`, who is not a browser (RFC 6455 §10.2).
 *
 * @param open whether pages of this machine may connect, whatever their port
 */
export function originPolicy(allowed: readonly string[], open: boolean): OriginPolicy {
  const exact = new Set(allowed);
  const allows = (origin: string | undefined, host: string | undefined): boolean => {
    if (origin === undefined || exact.has(origin)) return true;
    if (host !== undefined && (origin === `http://${host}` || origin === `https://${host}`))
      return true;
    return open && LOOPBACK.test(origin);
  };
  return {
    allows,
    headers: (origin, host) =>
      origin !== undefined && allows(origin, host)
        ? { "access-control-allow-origin": origin, vary: "origin" }
        : {},
  };
}
