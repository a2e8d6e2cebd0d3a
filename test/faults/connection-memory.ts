import { readFileSync } from "node:fs";

/**
 * Bytes that the kernel holds for each connection of this machine whose one end has a port: unsent,
 * unacknowledged or unread, on both sides (`/proc/net/tcp`, proc_net_tcp.rst of the kernel).
 *
 * @returns undefined where the system does not tell
 */
export function queuedBytes(ports: readonly number[]): readonly number[] | undefined {
  let table: string;
  try {
    table = readFileSync("/proc/net/tcp", "utf8");
  } catch {
    return undefined;
  }
  const byPort = new Map(ports.map((port) => [port, 0]));
  for (const line of table.split("\n").slice(1)) {
    const [, local = "", remote = "", , queues = ""] = line.trim().split(/\s+/);
    const [sent = 0, unread = 0] = queues.split(":").map((hex) => Number.parseInt(hex, 16));
    for (const end of [local, remote]) {
      const port = Number.parseInt(end.split(":")[1] ?? "", 16);
      const known = byPort.get(port);
      if (known !== undefined) byPort.set(port, known + sent + unread);
    }
  }
  return ports.map((port) => byPort.get(port) ?? 0);
}

/** The resident memory of some processes together, in bytes; undefined where the system does not tell. */
export function residentBytes(pids: readonly number[]): number | undefined {
  let total = 0;
  for (const pid of pids) {
    let status: string;
    try {
      status = readFileSync(`/proc/${pid}/status`, "utf8");
    } catch {
      return undefined;
    }
    total += Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
  }
  return total;
}
