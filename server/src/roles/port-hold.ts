import { once } from "node:events";
import { createServer } from "node:net";

/**
 * Holds a port for one server, whose processes share it: the kernel lets any program of the user share
 * what is shared, and a look before listening does not see who starts in the same moment. The hold is a
 * socket of an abstract name (unix(7)), which ends with the process that has it.
 *
 * @throws Error `EADDRINUSE` where another server holds it
 */
export async function holdPort(at: {
  readonly host: string;
  readonly port: number;
}): Promise<Disposable> {
  const holder = createServer((caller) => caller.destroy());
  if (process.platform === "linux" && at.port !== 0) {
    holder.listen({ path: `\0penstock ${at.host} ${at.port}`, exclusive: true });
    await once(holder, "listening").catch((caught: Error) => {
      // What is in use is the port.
      throw Object.assign(caught, { address: at.host, port: at.port });
    });
    holder.unref();
  }
  return { [Symbol.dispose]: () => void holder.close() };
}
