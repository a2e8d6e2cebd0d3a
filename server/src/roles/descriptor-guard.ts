import { readFileSync } from "node:fs";
import type { Server } from "node:net";

/** Descriptors that a process needs besides its connections: files, pipes, its listener. */
const RESERVED = 200;
/** Connections that must have ended before a full process listens again, at most; and as a share of all. */
const REOPEN_BELOW = 100;
const REOPEN_BELOW_SHARE = 0.1;

/**
 * Closes the listeners of a process that is near its limit of descriptors, so that the kernel gives
 * new connections to the other processes on the port, and opens them again below.
 *
 * @param server told of every connection
 * @param listeners what listens for it
 * @param tell told whenever they are opened or closed
 * @param limit descriptors that the process may have
 * @returns ends the watch: what is closed from then on stays closed
 */
export function guardDescriptors(
  server: Server,
  listeners: { readonly open: () => void; readonly close: () => void },
  tell: (isOpen: boolean) => void,
  limit: number = descriptorLimit(),
): () => void {
  const connectionsMax = Math.max(1, limit - RESERVED);
  const below = Math.min(REOPEN_BELOW, Math.ceil(connectionsMax * REOPEN_BELOW_SHARE));
  const reopenAt = connectionsMax - below;
  let connections = 0;
  let isOpen = true;
  let isWatching = true;
  // One for all sockets, and not `once`, which would make one for each.
  const closed = (): void => {
    connections -= 1;
    if (!isWatching || isOpen || connections > reopenAt) return;
    isOpen = true;
    listeners.open();
    tell(true);
  };
  server.on("connection", (socket) => {
    connections += 1;
    socket.on("close", closed);
    if (!isWatching || !isOpen || connections < connectionsMax) return;
    isOpen = false;
    listeners.close();
    tell(false);
  });
  return () => {
    isWatching = false;
  };
}

/** The process's soft limit of descriptors, as the system tells it; none where it does not. */
function descriptorLimit(): number {
  try {
    const [, soft] =
      /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
