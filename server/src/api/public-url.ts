import type { IncomingMessage } from "node:http";
import { BlockList } from "node:net";

/** By what address clients reach this server, for the URLs in its answers. */
export type PublicUrl = (request: IncomingMessage) => URL;

/**
 * The address that is configured; else the one that a trusted proxy forwards; else the request's own
 * `Host`.
 *
 * @param configured absolute, or empty
 * @param trustedProxies addresses or CIDR ranges
 */
export function publicUrl(configured: string, trustedProxies: readonly string[]): PublicUrl {
  if (configured !== "") {
    const fixed = new URL(configured);
    // What lies below it is found by paths that are relative to it.
    if (!fixed.pathname.endsWith("/")) fixed.pathname += "/";
    return () => fixed;
  }
  const trusted = proxyList(trustedProxies);
  return (request) => {
    const peer = request.socket.remoteAddress ?? "";
    const isTrusted = trusted.check(
      peer.replace(/^::ffff:/, ""),
      peer.includes(":") && !peer.includes(".") ? "ipv6" : "ipv4",
    );
    const forwarded = (name: string): string | undefined => {
      const value = request.headers[name];
      const first = (Array.isArray(value) ? value[0] : value)?.split(",")[0]?.trim();
      return isTrusted && first !== "" ? first : undefined;
    };
    const protocol = forwarded("x-forwarded-proto") === "https" ? "https" : "http";
    const host = forwarded("x-forwarded-host") ?? request.headers.host ?? "localhost";
    try {
      return new URL(`${protocol}://${host}/`);
    } catch {
      return new URL("http://localhost/");
    }
  };
}

function proxyList(addresses: readonly string[]): BlockList {
  const list = new BlockList();
  for (const address of addresses) {
    const [network = "", prefix] = address.split("/");
    const family = network.includes(":") ? "ipv6" : "ipv4";
    if (prefix === undefined) list.addAddress(network, family);
    else list.addSubnet(network, Number(prefix), family);
  }
  return list;
}
