/** A log for tests that writes down from where it is read. */
import type { Log } from "../../log/index.ts";

export function watchedLog(log: Log): { readonly log: Log; readonly readFrom: number[] } {
  const readFrom: number[] = [];
  const watched = {
    heads: (topic: string) => log.heads(topic),
    floors: (topic: string) => log.floors(topic),
    read: (...args: Parameters<Log["read"]>) => {
      readFrom.push(args[2]);
      return log.read(...args);
    },
  } as Log;
  return { log: watched, readFrom };
}
