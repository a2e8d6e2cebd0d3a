import { once } from "node:events";
import type { Server } from "node:http";
import { createServer, type ListenOptions, Server as NetServer } from "node:net";

/**
 * Listeners of a process. The event loop takes one connection from each in a turn (libuv's
 * `uv__server_io`), and a turn takes some milliseconds while much is delivered: 15,000 clients who
 * come back would be let in at 200 a second. With so many, each turn lets in as many as it can serve.
 */
const LISTENERS = 16;

/** How long a port that is taken is left alone before it is tried again. */
const REOPEN_MS = 1000;

/** Whether several listeners may share a port, among which the kernel spreads connections. */
const CAN_SHARE = process.platform === "linux";

/** What listens on the port of an HTTP server: the server itself, and others that hand to it. */
export class PortListeners {
  readonly #server: Server;
  readonly #more: readonly NetServer[];
  readonly #told: (failure: Error | undefined) => void;
  #address: ListenOptions = {};
  #isOpen = true;
  /** Those that could not listen again, and are tried anew. */
  readonly #failing = new Set<NetServer>();

  /** @param told why the port cannot be listened on again; undefined once it is */
  constructor(server: Server, told: (failure: Error | undefined) => void = () => undefined) {
    this.#server = server;
    this.#told = told;
    const more = CAN_SHARE ? LISTENERS - 1 : 0;
    // As an HTTP server makes its own.
    const options = { allowHalfOpen: true, noDelay: true };
    this.#more = Array.from({ length: more }, () => {
      const one = createServer(options, (socket) => server.emit("connection", socket));
      // One that cannot listen leaves it to the others.
      return one.on("error", () => undefined);
    });
  }

  /**
   * How the server is to listen, for `open` to add the others.
   *
   * @param isShared whether other processes listen on the port as well
   * @throws Error `EADDRINUSE` where somebody else listens there: who shares a port is not told
   */
  static async optionsFor<Address extends ListenOptions>(
    address: Address,
    isShared: boolean,
  ): Promise<Address & { readonly reusePort: boolean }> {
    if (CAN_SHARE && !isShared && address.port !== 0) await probe(address);
    return { ...address, reusePort: CAN_SHARE || isShared };
  }

  /** Listens beside the server, which does already. */
  async begin(address: ListenOptions): Promise<void> {
    this.#address = address;
    await Promise.all(
      this.#more.map(async (one) => {
        one.listen(address);
        await once(one, "listening").catch(() => undefined);
      }),
    );
  }

  /** Listens again; where somebody else has taken the port meanwhile, as soon as he has left it. */
  open(): void {
    this.#isOpen = true;
    for (const one of [this.#server, ...this.#more]) this.#reopen(one);
  }

  #reopen(one: NetServer): void {
    const listening = (): void => {
      one.off("error", failed);
      if (this.#failing.delete(one) && this.#failing.size === 0) this.#told(undefined);
    };
    const failed = (caught: Error): void => {
      one.off("listening", listening);
      if (this.#failing.size === 0) this.#told(caught);
      this.#failing.add(one);
      setTimeout(() => {
        if (this.#isOpen && !one.listening) this.#reopen(one);
      }, REOPEN_MS).unref();
    };
    one.once("error", failed).once("listening", listening).listen(this.#address);
  }

  /** Takes no more connections, and leaves those alone that there are: `close` of HTTP would end some. */
  close(): void {
    this.#isOpen = false;
    for (const one of [this.#server, ...this.#more])
      if (one.listening) NetServer.prototype.close.call(one);
  }

  async countConnections(): Promise<number> {
    const counts = [this.#server, ...this.#more].map(
      (one) =>
        new Promise<number>((resolve) => {
          one.getConnections((failed, count) => resolve(failed === null ? count : 0));
        }),
    );
    return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
  }
}

/** @throws Error where an address cannot be listened on */
export async function probe(address: ListenOptions): Promise<void> {
  // Whoever comes in that moment comes again, and keeps nothing open.
  const server = createServer((socket) => socket.destroy());
  server.listen(address);
  await once(server, "listening");
  server.close();
  await once(server, "close");
}
