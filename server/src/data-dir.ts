import { constants } from "node:fs";
import { access, mkdir, rm, stat } from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { ConfigError } from "./config/index.ts";

/** A holder answers at once; one that does not is stopped or frozen, and holds the folder still. */
const ANSWER_TIMEOUT_MS = 1000;

/**
 * Makes a data directory where it is missing, and keeps other servers of this machine out of it until
 * disposal. What keeps them out is a socket, named after the folder, on which the holder tells its
 * number: the system takes it away with the process, however that ends.
 *
 * @throws ConfigError where it cannot be used, or another server uses it
 */
export async function holdDataDir(dataDir: string): Promise<AsyncDisposable> {
  await makeUsable(dataDir);
  const address = await addressOf(dataDir);
  const server = createServer((socket) =>
    socket.on("error", () => undefined).end(`${process.pid}`),
  );
  server.unref();
  if (!(await isListening(server, address))) {
    const pid = await askHolder(address);
    // Where sockets are files, they stay behind when a process is killed.
    const isStale = pid === undefined && !address.startsWith("\0");
    if (isStale) await rm(address, { force: true });
    if (!isStale || !(await isListening(server, address))) {
      throw new ConfigError(
        `The data directory ${dataDir} is in use by another server${pid === undefined ? "" : ` (process ${pid})`}. Stop that one, or choose another directory with --data-dir.`,
      );
    }
  }
  return {
    [Symbol.asyncDispose]: async () => await new Promise((done) => server.close(() => done())),
  };
}

/** The process of the server that uses a data directory, or undefined. */
export async function dataDirHolder(dataDir: string): Promise<string | undefined> {
  return await askHolder(await addressOf(dataDir));
}

/** A socket's address, the same for every path to a folder. */
async function addressOf(dataDir: string): Promise<string> {
  const { dev, ino } = await stat(dataDir, { bigint: true });
  const name = `penstock-data-${dev}-${ino}`;
  if (process.platform === "linux") return `\0${name}`;
  return process.platform === "win32" ? `\\\\.\\pipe\\${name}` : join(tmpdir(), `${name}.sock`);
}

async function isListening(server: Server, address: string): Promise<boolean> {
  return await new Promise((resolve, reject) => {
    const failed = (caught: NodeJS.ErrnoException): void => {
      if (caught.code === "EADDRINUSE") resolve(false);
      else reject(caught);
    };
    server.once("error", failed);
    server.listen(address, () => {
      server.off("error", failed);
      resolve(true);
    });
  });
}

async function askHolder(address: string): Promise<string | undefined> {
  const socket = connect(address).setTimeout(ANSWER_TIMEOUT_MS);
  socket.once("timeout", () => socket.destroy(new Error("no answer")));
  return await text(socket).catch(() => undefined);
}

/** @throws ConfigError that says why a folder cannot be made, read or written */
async function makeUsable(dataDir: string): Promise<void> {
  const path = resolve(dataDir);
  try {
    await makeFolder(path);
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (caught) {
    const { code, message } = caught as NodeJS.ErrnoException;
    const reason =
      code === "EEXIST" || code === "ENOTDIR"
        ? "it is, or lies in, a file"
        : code === "EACCES" || code === "EPERM"
          ? "permission is denied"
          : message;
    throw new ConfigError(
      `The data directory ${dataDir} cannot be used: ${reason}. Make it a folder that this user may write, or choose another with --data-dir.`,
    );
  }
}

/** One level after another: Node's own recursion does not end where a system refuses with ENOENT. */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (caught) {
    const { code } = caught as NodeJS.ErrnoException;
    if (code === "EEXIST" && (await stat(path)).isDirectory()) return;
    const parent = dirname(path);
    if (code !== "ENOENT" || parent === path || (await exists(parent))) throw caught;
    await makeFolder(parent);
    await mkdir(path);
  }
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
