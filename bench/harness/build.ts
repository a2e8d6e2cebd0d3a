import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const BUILD_TIMEOUT_MS = 300_000;

/** Why a contender cannot take part here, in a line. */
export class AbsentError extends Error {
  override readonly name = "AbsentError";
}

const cacheRoot = (): string =>
  join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "penstock-bench");

/**
 * Compiles one file of C, unless that is done; answers the program's path.
 *
 * @throws AbsentError without a C compiler
 */
export async function buildC(source: string): Promise<string> {
  const target = await targetOf([source]);
  if (existsSync(target)) return target;
  await orAbsent("no C compiler", () => run("cc", ["-O2", "-o", target, source], limits()));
  return target;
}

/**
 * Builds the Go module of a folder, unless that is done; answers the program's path.
 *
 * @throws AbsentError without Go, or where its modules cannot be had
 */
export async function buildGo(folder: string): Promise<string> {
  const names = (await readdir(folder)).filter((name) => /\.go$|^go\./.test(name)).sort();
  const target = await targetOf(names.map((name) => join(folder, name)));
  if (existsSync(target)) return target;
  const options = { ...limits(), cwd: folder };
  const args = ["build", "-buildvcs=false", "-trimpath", "-o", target, "."];
  await orAbsent("Go, or the module, cannot be had", () => run("go", args, options));
  return target;
}

/** A path that changes with the sources. */
async function targetOf(sources: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  for (const source of sources) hash.update(await readFile(source));
  await mkdir(cacheRoot(), { recursive: true });
  return join(cacheRoot(), `program-${hash.digest("hex").slice(0, 16)}`);
}

const limits = () => ({ timeout: BUILD_TIMEOUT_MS, maxBuffer: 1 << 24 });

async function orAbsent(why: string, build: () => Promise<unknown>): Promise<void> {
  try {
    await build();
  } catch (caught) {
    const { stderr = "", message } = caught as { stderr?: string; message: string };
    const line = (stderr || message).trim().split("\n").at(-1);
    throw new AbsentError(`${why}: ${line}`, { cause: caught });
  }
}
