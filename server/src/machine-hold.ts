import { rm } from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";

/** A holder answers at once; one that does not is stopped or frozen, and holds the name still. */
const ANSWER_TIMEOUT_MS = 1000;

/**
 * Holds a name on this machine until disposal; undefined where another holds it. What holds it is a
 * socket on which the holder tells the number of its process: the system takes it away with the
 * process, however that ends.
 */
export async function holdName(name: string): Promise<AsyncDisposable | undefined> {
  const address = addressOf(name);
  const server = createServer((socket) =>
    socket.on("error", () => undefined).end(`${process.pid}`),
  );
  server.unref();
  if (!(await isListening(server, address))) {
    if (!(await isLeftBehind(address))) return undefined;
    await rm(address, { force: true });
    if (!(await isListening(server, address))) return undefined;
  }
  return {
    [Symbol.asyncDispose]: async () => await new Promise((done) => server.close(() => done())),
  };
}

/** The process that holds a name; undefined where none does, or it does not answer. */
export async function holderOf(name: string): Promise<string | undefined> {
  return await ask(addressOf(name)).catch(() => undefined);
}

/** Where sockets are files, they stay behind when a process is killed. */
async function isLeftBehind(address: string): Promise<boolean> {
  if (address.startsWith("\0")) return false;
  return await ask(address).then(
    () => false,
    ({ code }: NodeJS.ErrnoException) => code === "ECONNREFUSED" || code === "ENOENT",
  );
}

async function ask(address: string): Promise<string> {
  const socket = connect(address).setTimeout(ANSWER_TIMEOUT_MS);
  socket.once("timeout", () => socket.destroy(new Error("no answer")));
  return await text(socket);
}

/** An abstract name (unix(7)) or a pipe's, which end with their process; elsewhere a file. */
function addressOf(name: string): string {
  const whole = `penstock-${name}`;
  if (process.platform === "linux") return `\0${whole}`;
  return process.platform === "win32" ? `\\\\.\\pipe\\${whole}` : join(tmpdir(), `${whole}.sock`);
}

async function isListening(server: Server, address: string): Promise<boolean> {
  return await new Promise((resolve, reject) => {
    const failed = (caught: NodeJS.ErrnoException): void => {
      if (caught.code === "EADDRINUSE") resolve(false);
      else reject(caught);
    };
    server.once("error", failed);
    server.listen({ path: address, exclusive: true }, () => {
      server.off("error", failed);
      resolve(true);
    });
  });
}
