import { readdirSync, readFileSync } from "node:fs";

/** A process and everything that came of it: a server's workers count as the server. */
export function processTree(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const stat = readOr(`/proc/${pid}/stat`, "");
    const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const tree = [root];
  for (const pid of tree) tree.push(...(children.get(pid) ?? []));
  return tree;
}

/**
 * CPU that processes have used, user and system, in microseconds: the sum over their threads of the
 * scheduler's nanoseconds, since the ticks of /proc/PID/stat are 10 ms.
 */
export function cpuMicros(pids: readonly number[]): number {
  let nanoseconds = 0;
  for (const pid of pids)
    for (const thread of readdirOr(`/proc/${pid}/task`))
      nanoseconds += Number(readOr(`/proc/${pid}/task/${thread}/schedstat`, "0").split(" ")[0]);
  return nanoseconds / 1000;
}

/** Anonymous memory of processes in bytes (what is shared between them counted once): no page of a file. */
export function anonymousBytes(pids: readonly number[]): number {
  let kibibytes = 0;
  for (const pid of pids) {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
    kibibytes += Number(/^Pss_Anon:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0);
  }
  return kibibytes * 1024;
}

/** What the kernel holds for all TCP sockets of the machine, in bytes (proc(5): pages). */
export function tcpMemoryBytes(): number {
  const line = /^TCP: .* mem (\d+)/m.exec(readFileSync("/proc/net/sockstat", "utf8"));
  return Number(line?.[1] ?? 0) * 4096;
}

function readOr(path: string, fallback: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return fallback; // The process or thread has ended meanwhile.
  }
}

function readdirOr(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
