import { writeSync } from "node:fs";
import { inspect } from "node:util";

/** Databases of this process that have something to commit. */
const committing = new Set<object>();

let crash: { readonly error: unknown } | undefined;

/**
 * Notes that a database commits, or is done. A process that ends meanwhile kills itself: Node would
 * wait for LMDB's thread, and LMDB's thread, once the database is locked for it, for what only this
 * process's JavaScript could tell it. It would never end, and nobody could write any more. What is
 * killed loses nothing that was acknowledged, and its lock with it.
 */
export function noteCommitting(database: object, isCommitting: boolean): void {
  if (isCommitting) committing.add(database);
  else committing.delete(database);
}

process.on("uncaughtExceptionMonitor", (error) => {
  crash = { error };
});
process.on("exit", () => {
  if (committing.size === 0) return;
  // Node tells of what nobody caught only after this.
  if (crash !== undefined) writeSync(process.stderr.fd, `${inspect(crash.error)}\n`);
  process.kill(process.pid, "SIGKILL");
});
