import { execFileSync } from "node:child_process";
import { cpus, release, totalmem } from "node:os";

/** What a figure was measured on. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGib: number;
  readonly kernel: string;
}

export function machine(): Machine {
  const all = cpus();
  return {
    cpu: all[0]?.model.trim() ?? "unknown",
    cores: all.length,
    memoryGib: Math.round((totalmem() / 2 ** 30) * 10) / 10,
    kernel: release(),
  };
}

/** The machine and the runtime in one line. */
export function machineLine(): string {
  const { cores, cpu } = machine();
  return `${cores} × ${cpu}, Node ${process.version}`;
}

/** The versions that a figure depends on; what is not installed is left out. */
export function versions(): Record<string, string> {
  return {
    node: process.version,
    v8: process.versions.v8,
    ...commit(),
    ...versionOf("cc", "cc", ["--version"]),
    ...versionOf("go", "go", ["version"]),
  };
}

/** The commit, and whether anything but what the benchmarks write themselves differs from it. */
function commit(): Record<string, string> {
  const { penstock } = versionOf("penstock", "git", ["describe", "--always", "--tags"]);
  if (penstock === undefined) return {};
  const written = ["results", "plots", "RESULTS.md"].map((name) => `:(top,exclude)bench/${name}`);
  const differs = versionOf("differs", "git", ["status", "--porcelain", ":(top)", ...written]);
  return { penstock: `${penstock}${differs.differs ? "-dirty" : ""}` };
}

function versionOf(name: string, program: string, args: readonly string[]): Record<string, string> {
  try {
    const line = execFileSync(program, args, {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      cwd: import.meta.dirname,
    }).split("\n")[0];
    return { [name]: (line ?? "").trim() };
  } catch {
    return {};
  }
}
