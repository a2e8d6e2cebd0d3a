import { spawnSync } from "node:child_process";
import { join } from "node:path";
import type { RootDatabase } from "lmdb";

/** Where `lock.mdb` holds the number of the newest commit, and what the file begins with. */
const NUMBER_AT = 8;
const MAGIC = 0xbeefc0de;

/**
 * Writes the number of the newest commit into a lock file. In a process of its own, for the system's
 * locks on the file belong to a process, and end when any descriptor of it is closed there.
 */
const PROGRAM = `
  const { openSync, readSync, writeSync } = require("node:fs");
  const [, path, number] = process.argv;
  const file = openSync(path, "r+");
  const bytes = Buffer.alloc(${NUMBER_AT + 8});
  readSync(file, bytes, 0, bytes.length, 0);
  if (bytes.readUInt32LE(0) !== ${MAGIC}) process.exit(2);
  bytes.writeBigUInt64LE(BigInt(number), ${NUMBER_AT});
  writeSync(file, bytes, ${NUMBER_AT}, 8, ${NUMBER_AT});
`;

/**
 * Makes sure that a transaction begins at the newest commit, and mends the database where it does
 * not. LMDB (`mdb_env_open2`) lets whoever opens a database put down as the newest commit what it has
 * read some moments before, without a lock: what another process commits in between is forgotten,
 * and the next transaction is written over it. The commit itself is whole until then, and its number
 * stands in the data too, which tells and mends it while nobody else can write. To be called first in
 * every transaction that may write.
 *
 * @returns whether the transaction may write; where not, the next one may
 * @throws Error where the database cannot be mended
 */
export function beginsAtNewest(root: RootDatabase, path: string): boolean {
  const newest = newestOf(root);
  if (root.getWriteTxnId() > newest) return true;
  const file = join(path, "lock.mdb");
  const program = ["-e", PROGRAM, file, String(newest)];
  const { status, stderr, error } = spawnSync(process.execPath, program, { encoding: "utf8" });
  if (status === 0) return false;
  throw new Error(`${file} cannot be mended: ${error ?? stderr}`);
}

/** The number of the newest commit, as the data says. */
function newestOf(root: RootDatabase): number {
  // Of all that `getStats` gathers this part costs nothing; the types do not know it by itself.
  const { env } = root as unknown as { readonly env: { info(): { readonly lastTxnId: number } } };
  return env.info().lastTxnId;
}
