import { readFileSync } from "node:fs";
import { type ListenOptions, Server as NetServer, type Server } from "node:net";

/** Descriptors that a process needs besides its connections: files, pipes, its listener. */
const RESERVED = 200;
/** Connections that must have ended before a full process listens again. */
const REOPEN_BELOW = 100;

/**
 * Closes the listener of a process that is near its limit of descriptors, so that the kernel gives
 * new connections to the other processes on the port, and opens it again below.
 *
 * @param tell told whenever the listener is opened or closed
 * @param limit descriptors that the process may have
 * @returns ends the watch: what is closed from then on stays closed
 */
export function guardDescriptors(
  server: Server,
  address: ListenOptions,
  tell: (isOpen: boolean) => void,
  limit: number = descriptorLimit(),
): () => void {
  const connectionsMax = Math.max(1, limit - RESERVED);
  const reopenAt = Math.max(0, connectionsMax - REOPEN_BELOW);
  let connections = 0;
  let isOpen = true;
  let isWatching = true;
  server.on("connection", (socket) => {
    connections += 1;
    socket.once("close", () => {
      connections -= 1;
      if (!isWatching || isOpen || connections > reopenAt) return;
      isOpen = true;
      server.listen(address);
      tell(true);
    });
    if (!isWatching || !isOpen || connections < connectionsMax) return;
    isOpen = false;
    // An HTTP server's own `close` would end idle connections too.
    NetServer.prototype.close.call(server);
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
