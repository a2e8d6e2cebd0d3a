import { type Handlers, isUnanswered, ProcessChannel } from "./process-channel.ts";
import type { Asked } from "./worker-pool.ts";

const ASK_TIMEOUT_MS = 3000;

/** A worker's end of the pipe to the process that started it. */
export interface WorkerLink {
  /** Asks another worker, by its name; undefined where it is gone, or does not answer in time. */
  ask(holder: string, request: unknown): Promise<unknown>;
  /**
   * Calls the process that started this one, and waits for as long as that lives.
   *
   * @throws PenstockError what it threw, or `storage_unavailable` where it is gone
   */
  readonly call: <T>(name: string, body: unknown) => Promise<T>;
  /** Whether that process is gone. */
  readonly isGone: () => boolean;
}

/**
 * Connects a worker to the process that started it.
 *
 * @param handlers what that process may call
 * @param orphaned called when that process is gone
 */
export function linkToParent(handlers: Handlers, orphaned: () => void): WorkerLink {
  const channel = new ProcessChannel(
    {
      send: (message) => {
        if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
      },
      onMessage: (take) => process.on("message", take),
    },
    handlers,
  );
  process.once("disconnect", () => {
    channel.close();
    orphaned();
  });
  return {
    ask: async (holder, request) => {
      try {
        return await channel.call("ask", { holder, request } satisfies Asked, ASK_TIMEOUT_MS);
      } catch (caught) {
        if (isUnanswered(caught)) return undefined;
        throw caught;
      }
    },
    call: async (name, body) => await channel.call(name, body),
    isGone: () => channel.isClosed,
  };
}
