import { constants } from "node:fs";
import { access, mkdir, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { ConfigError } from "./config/index.ts";
import { holderOf, holdName } from "./machine-hold.ts";

/**
 * Makes a data directory where it is missing, and keeps other servers of this machine out of it until
 * disposal.
 *
 * @throws ConfigError where it cannot be used, or another server uses it
 */
export async function holdDataDir(dataDir: string): Promise<AsyncDisposable> {
  await makeUsable(dataDir);
  const name = await nameOf(dataDir);
  const hold = await holdName(name);
  if (hold !== undefined) return hold;
  const pid = await holderOf(name);
  throw new ConfigError(
    `The data directory ${dataDir} is in use by another server${pid === undefined ? "" : ` (process ${pid})`}. Stop that one, or choose another directory with --data-dir.`,
  );
}

/** The process of the server that uses a data directory, or undefined. */
export async function dataDirHolder(dataDir: string): Promise<string | undefined> {
  return await holderOf(await nameOf(dataDir));
}

/** The same for every path to a folder. */
async function nameOf(dataDir: string): Promise<string> {
  const { dev, ino } = await stat(dataDir, { bigint: true });
  return `data-${dev}-${ino}`;
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
