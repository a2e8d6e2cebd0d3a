import { holdName } from "../machine-hold.ts";

const NOTHING: AsyncDisposable = { [Symbol.asyncDispose]: async () => undefined };

/**
 * Holds a port for one server, whose processes share it: the kernel lets any program of the user share
 * what is shared, and a look before listening does not see who starts in the same moment.
 *
 * @throws Error `EADDRINUSE` where another server holds it
 */
export async function holdPort(at: {
  readonly host: string;
  readonly port: number;
}): Promise<AsyncDisposable> {
  // Elsewhere a port is not shared.
  if (process.platform !== "linux" || at.port === 0) return NOTHING;
  const hold = await holdName(`port-${at.host}-${at.port}`);
  if (hold !== undefined) return hold;
  const inUse = new Error(`Another server has the port ${at.port} of ${at.host}.`);
  throw Object.assign(inUse, {
    code: "EADDRINUSE",
    syscall: "listen",
    address: at.host,
    port: at.port,
  });
}
