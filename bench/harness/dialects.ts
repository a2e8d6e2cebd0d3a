/** How one server is spoken to: what a client says first, and what it waits for. */
export interface Dialect {
  /** Whether the connection is upgraded over HTTP; else frames come at once. */
  readonly upgrade: boolean;
  /** Frames that a client sends when it is upgraded. */
  readonly hello?: string;
  readonly helloIsBinary?: boolean;
  /** How the payload begins that says that events come from now on; without it, the upgrade does. */
  readonly ready?: string;
  /** How the payload of an event begins. */
  readonly event: string;
  /** How a payload begins that says that events were left out. */
  readonly gap?: string;
  /** Events are messages of one length in a stream of bytes that frames cut anywhere. */
  readonly packed?: boolean;
  /** A frame may hold several events, one a line. */
  readonly lines?: boolean;
  /** Compression is offered (RFC 7692), and what comes compressed is inflated. */
  readonly deflate?: boolean;
  /** What is answered to a payload that is exactly this. */
  readonly echo?: { readonly ping: string; readonly pong: string };
}

export const dialects = {
  raw: { upgrade: false, event: '{"event_type"' },
  plain: { upgrade: true, event: '{"event_type"' },
  penstock: {
    upgrade: true,
    ready: '{"type":"subscribed"',
    event: '{"event_type"',
    gap: '{"type":"gap"',
  },
  penstockDeflate: {
    upgrade: true,
    ready: '{"type":"subscribed"',
    event: '{"event_type"',
    deflate: true,
  },
  centrifuge: {
    upgrade: true,
    hello: '{"id":1,"connect":{}}',
    ready: '{"id":1',
    event: '{"push"',
    lines: true,
    echo: { ping: "{}", pong: "{}" },
  },
  nats: {
    upgrade: true,
    hello: 'CONNECT {"verbose":false,"pedantic":false,"protocol":1}\r\nSUB bench 1\r\nPING\r\n',
    helloIsBinary: true,
    ready: "PONG",
    event: "MSG bench ",
    packed: true,
    echo: { ping: "PING\r\n", pong: "PONG\r\n" },
  },
  socketIo: {
    upgrade: true,
    hello: "40",
    ready: "40",
    event: "42",
    echo: { ping: "2", pong: "3" },
  },
} as const satisfies Record<string, Dialect>;

export type DialectName = keyof typeof dialects;
