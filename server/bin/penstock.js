#!/usr/bin/env node
// Checks the runtime before anything that needs it is loaded.
const major = Number(process.versions.node.split(".")[0]);
if (major < 24) {
  console.error(`penstock needs Node 24 or newer; this is ${process.version}.`);
  process.exit(1);
}
await import("../src/cli/main.ts");
