import type { DistantSessions, SessionWriter } from "../deliver/index.ts";
import type { LogWriter } from "../log/index.ts";
import type { Handlers, WorkerLink } from "../workers/index.ts";

/** Whose log and whose sessions are written: one process's, for all of a server. */
export interface Writer {
  readonly log: LogWriter;
  readonly sessions: SessionWriter;
}

/** The arguments of a writer's method, as they go to the process that has it. */
type Arguments<T, M extends keyof T> = T[M] extends (...given: infer A) => unknown ? A : never;

/** What the process that writes answers to the others. */
export function writerHandlers({ log, sessions }: Writer): Handlers {
  return {
    createTopic: (given: Arguments<LogWriter, "createTopic">) => log.createTopic(...given),
    append: (given: Arguments<LogWriter, "append">) => log.append(...given),
    createSessions: (given: Arguments<SessionWriter, "create">) => sessions.create(...given),
    putSessions: (given: Arguments<SessionWriter, "put">) => sessions.put(...given),
    claimSession: (given: Arguments<SessionWriter, "claim">) => sessions.claim(...given),
    deleteSessions: (given: Arguments<SessionWriter, "delete">) => sessions.delete(...given),
  };
}

/** The writer of the process that started this one. */
export function writerOf({ call, isGone }: Pick<WorkerLink, "call" | "isGone">): {
  readonly log: LogWriter;
  readonly sessions: DistantSessions;
} {
  return {
    log: {
      createTopic: (...given) => call("createTopic", given),
      append: (...given) => call("append", given),
    },
    sessions: {
      create: (...given) => call("createSessions", given),
      put: (...given) => call("putSessions", given),
      claim: (...given) => call("claimSession", given),
      delete: (...given) => call("deleteSessions", given),
      isGone,
    },
  };
}
