import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A disk of a test's own, which can be full. */
export interface SmallDisk extends AsyncDisposable {
  readonly path: string;
}

/** Mounts a file system in memory of so many bytes; undefined where that is not permitted. */
export async function smallDisk(sizeBytes: number): Promise<SmallDisk | undefined> {
  const path = await mkdtemp(join(tmpdir(), "penstock-small-disk-"));
  const options = ["-t", "tmpfs", "-o", `size=${sizeBytes}`, "tmpfs", path];
  const mounted = spawnSync("mount", options, { stdio: "ignore" });
  if (mounted.status !== 0) {
    await rm(path, { recursive: true, force: true });
    return undefined;
  }
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      spawnSync("umount", [path], { stdio: "ignore" });
      await rm(path, { recursive: true, force: true });
    },
  };
}
