import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { dataDirHolder, holdDataDir } from "./data-dir.ts";

const MODULE = new URL("./data-dir.ts", import.meta.url).href;

describe("the data directory", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "penstock-data-dir-"));
  });
  afterEach(async () => await rm(folder, { recursive: true, force: true }));

  test("is made with all that it lies in, and held by one at a time", async () => {
    const dataDir = join(folder, "a/b/c");
    const first = await holdDataDir(dataDir);
    assert.equal(await dataDirHolder(dataDir), `${process.pid}`);
    await assert.rejects(holdDataDir(dataDir), (caught: Error) => {
      assert.equal(caught.name, "ConfigError");
      assert.match(
        caught.message,
        new RegExp(`in use by another server \\(process ${process.pid}\\)`),
      );
      assert.match(caught.message, /--data-dir/);
      return true;
    });
    await first[Symbol.asyncDispose]();
    assert.equal(await dataDirHolder(dataDir), undefined);
    await (await holdDataDir(dataDir))[Symbol.asyncDispose]();
  });

  test("is the same by every path to it", async () => {
    await mkdir(join(folder, "real"));
    await symlink(join(folder, "real"), join(folder, "link"));
    await using _held = await holdDataDir(join(folder, "real"));
    await assert.rejects(holdDataDir(join(folder, "link")), /in use by another server/);
  });

  test("is free again when the process that held it was killed", async () => {
    const program = `await (await import(${JSON.stringify(MODULE)})).holdDataDir(${JSON.stringify(folder)}); console.log("held"); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    assert.equal(await dataDirHolder(folder), `${child.pid}`);
    await assert.rejects(holdDataDir(folder), new RegExp(`process ${child.pid}\\)`));
    child.kill("SIGKILL");
    await once(child, "exit");
    await using _held = await holdDataDir(folder);
  });

  test("is got by one of many that ask at once", async () => {
    const asked = await Promise.allSettled(Array.from({ length: 20 }, () => holdDataDir(folder)));
    const got = asked.filter((one) => one.status === "fulfilled");
    for (const { value } of got) await value[Symbol.asyncDispose]();
    assert.equal(got.length, 1);
  });

  test("that is a file, lies in one, or cannot be made, is told with what to mend", async () => {
    const file = join(folder, "file");
    await writeFile(file, "");
    const paths = [
      file,
      join(file, "below"),
      ...(process.platform === "linux" ? ["/proc/x/y"] : []),
    ];
    for (const path of paths)
      await assert.rejects(
        holdDataDir(path),
        /^ConfigError: The data directory .* cannot be used: .*--data-dir/,
      );
  });
});
