/** A process that ends while it waits for its turn to write: it ends, and holds nobody up. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { DiskDatabase } from "./disk-database.ts";

/** How long the database is locked: the other process has begun to wait, and ends, meanwhile. */
const LOCKED_MS = 600;
const ENDS_AFTER_MS = 150;

const program = (path: string, end: string): string => `
  import { DiskDatabase } from ${JSON.stringify(new URL("./disk-database.ts", import.meta.url).href)};
  const database = new DiskDatabase(${JSON.stringify(path)});
  const table = database.table("numbers", "json");
  process.once("message", () => {
    void database.write(() => table.putSync("meanwhile", 1));
    setTimeout(() => { ${end} }, ${ENDS_AFTER_MS});
  });
  process.send("ready");
`;

const ends = [
  { name: "by itself", end: "process.exit(3)", says: /^$/ },
  { name: "by an error of its own", end: 'throw new Error("it broke")', says: /it broke/ },
];

for (const { name, end, says } of ends) {
  test(`a process that ends ${name} while it waits to write holds nobody up`, async () => {
    const path = await mkdtemp(join(tmpdir(), "penstock-exit-"));
    const database = new DiskDatabase(path);
    const table = database.table<number, string>("numbers", "json");
    const child = spawn(process.execPath, ["--input-type=module", "-e", program(path, end)], {
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    const exited = once(child, "exit");
    const said = text(child.stderr as NonNullable<typeof child.stderr>);
    await once(child, "message");
    database.root.transactionSync(() => {
      child.send("write");
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOCKED_MS);
    });
    const [code, signal] = (await exited) as [number | null, string | null];
    assert.ok(code !== 0, `it ended with ${code}, ${signal}`);
    assert.match(await said, says);
    await database.write(() => table.putSync("after", 1));
    assert.equal(table.get("after"), 1);
    assert.equal(table.get("meanwhile"), undefined);
    await database.close();
    await rm(path, { recursive: true, force: true });
  });
}
