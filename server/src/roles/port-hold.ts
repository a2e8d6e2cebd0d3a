import { lookup } from "node:dns/promises";
import { holdName } from "../machine-hold.ts";

/**
 * Holds a port for one server, whose processes share it: the kernel lets any program of the user share
 * what is shared, and a look before listening does not see who starts in the same moment.
 *
 * @param at.host whose addresses are held, whatever they are called
 * @throws Error `EADDRINUSE` where another server holds one of them
 */
export async function holdPort(at: {
  readonly host: string;
  readonly port: number;
}): Promise<AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  // Elsewhere a port is not shared.
  if (process.platform !== "linux" || at.port === 0) return stack.move();
  const found = await lookup(at.host, { all: true });
  for (const address of new Set(found.map((one) => one.address))) {
    const hold = await holdName(`port-${address}-${at.port}`);
    if (hold === undefined) throw inUse(address, at.port);
    stack.use(hold);
  }
  return stack.move();
}

/** As the system would tell it. */
function inUse(address: string, port: number): Error {
  const error = new Error(`Another server has the port ${port} of ${address}.`);
  return Object.assign(error, { code: "EADDRINUSE", syscall: "listen", address, port });
}
