#!/usr/bin/env node
// Checks the runtime before anything that needs it is loaded, and gives a server the heap that fits it.
const major = Number(process.versions.node.split(".")[0]);
if (major < 24) {
  console.error(`penstock needs Node 24 or newer; this is ${process.version}.`);
  process.exit(1);
}

/**
 * What a server keeps is mostly old (clients, filters), and what passes through is gone at once. V8
 * would let the space for new objects grow to 2 × 64 MiB, and never gives it back while clients are
 * idle: 10 KB for each of 10,000 clients, where 16 MiB cost nothing that can be measured
 * (docs/performance.md). Its size is fixed when a process starts, hence the second start, which
 * keeps the process id. Workers inherit it.
 */
const NEW_SPACE = "--max-semi-space-size";
const NEW_SPACE_MIB = 16;

const given = [...process.execArgv, process.env.NODE_OPTIONS ?? ""].join(" ");
const restarts = process.argv[2] === "serve" && process.platform !== "win32";
if (restarts && !given.includes(NEW_SPACE)) {
  const flags = [...process.execArgv, `${NEW_SPACE}=${NEW_SPACE_MIB}`];
  const args = [process.execPath, ...flags, ...process.argv.slice(1)];
  process.execve(process.execPath, args, process.env);
}
await import("../src/cli/main.ts");
