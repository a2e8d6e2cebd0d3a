#!/usr/bin/env node
// Checks the runtime before anything that needs it is loaded, and gives a server the heap that fits it.
import { lstatSync, mkdirSync } from "node:fs";
import module from "node:module";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

const major = Number(process.versions.node.split(".")[0]);
if (major < 24) {
  console.error(
    `penstock needs Node 24 or newer; this is ${process.version}. Run it by \`npx penstock\` in the clone, or by npm's scripts: they take the Node that was installed with it.`,
  );
  process.exit(1);
}

/**
 * How V8 keeps a server's heap (docs/performance.md has the figures). What a server keeps is mostly
 * old, clients and filters, and what passes through is gone at once:
 *
 * - V8 would let the space for new objects grow to 2 × 64 MiB, and does not give it back while
 *   clients are idle.
 * - It would learn while a server starts, when what is read stays, that what is read stays, and put
 *   every record of every later replay among the old objects.
 * - It would let the old objects grow to twice what was alive before it looks again. What outlives the
 *   space for new objects by little, the newest events and their places, would fill that.
 *
 * The first is fixed when a process begins, hence the second beginning, which keeps the process id.
 * Workers inherit it.
 */
const HEAP_FLAGS = [
  "--max-semi-space-size=16",
  "--no-allocation-site-pretenuring",
  "--heap-growing-percent=30",
];

/**
 * glibc keeps an arena of its own for each thread that allocates, and what is freed in one is of no use to
 * another. A server allocates in one thread.
 */
const ALLOCATOR = { MALLOC_ARENA_MAX: "1" };

const isTuned = process.execArgv.includes(HEAP_FLAGS[1]);
if (process.argv[2] === "serve" && process.platform !== "win32" && !isTuned) {
  // What an operator says himself comes last, and holds.
  const args = [...HEAP_FLAGS, ...process.execArgv, ...process.argv.slice(1)];
  process.execve(process.execPath, [process.execPath, ...args], { ...ALLOCATOR, ...process.env });
}

// What was compiled once is taken from disk by every later process, which then need not load what takes
// the types out of the sources: 26 MB of each process, and half of what a start costs. Workers find it
// by the variable. Where it cannot be written, all is compiled each time.
process.env.NODE_COMPILE_CACHE ??= compileCache();
if (process.env.NODE_COMPILE_CACHE !== "") module.enableCompileCache();
await import("../src/cli/main.ts");

/** A folder of the user's own that nobody else writes to, for what lies in it is run; or none. */
function compileCache() {
  try {
    const cache = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
    if (!isAbsolute(cache)) return "";
    // Step by step: a home that does not exist is not to be made.
    const folder = join(cache, "penstock");
    for (const one of [cache, folder]) make(one);
    const found = lstatSync(folder);
    const isOpen = (found.mode & 0o022) !== 0 || found.uid !== process.getuid?.();
    return found.isDirectory() && (process.platform === "win32" || !isOpen) ? folder : "";
  } catch {
    return "";
  }
}

/** Makes a folder, unless it is there: another process may make it in the same moment. */
function make(folder) {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (caught) {
    if (caught.code !== "EEXIST") throw caught;
  }
}
