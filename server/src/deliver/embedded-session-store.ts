import { join } from "node:path";
import { open } from "lmdb";
import type { SessionRecord, SessionStore } from "./session.ts";

/** Sessions in a small database of their own beside the log. */
export function openSessionStore(dataDir: string, now: () => number): SessionStore {
  const database = open<SessionRecord, string>({
    path: join(dataDir, "sessions"),
    encoding: "json",
    overlappingSync: false,
    noMemInit: true,
  });
  return {
    get: async (id) => {
      const session = database.get(id);
      const expired = session?.expiresAtMs !== undefined && session.expiresAtMs <= now();
      return expired ? undefined : session;
    },
    put: async (sessions) => {
      await database.batch(() => {
        for (const session of sessions) void database.put(session.id, session);
      });
    },
    delete: async (ids) => {
      await database.batch(() => {
        for (const id of ids) void database.remove(id);
      });
    },
    list: async (clientId) => {
      const found: SessionRecord[] = [];
      const expired: string[] = [];
      for (const { key, value } of database.getRange()) {
        if (value.expiresAtMs !== undefined && value.expiresAtMs <= now()) expired.push(key);
        else if (value.clientId === clientId) found.push({ ...value });
      }
      for (const id of expired) void database.remove(id);
      return found;
    },
    [Symbol.asyncDispose]: async () => await database.close(),
  };
}
