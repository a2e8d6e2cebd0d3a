/** A session for tests of those who store them. */
import type { SessionRecord } from "./session.ts";

export function sampleSession(part: Partial<SessionRecord> = {}): SessionRecord {
  return {
    id: "ses_one",
    clientId: "one",
    stream: "orders",
    finality: "all",
    rules: [],
    whenBehind: "wait",
    maxEventsPerSecond: null,
    createdAtMs: 0,
    position: "first",
    acknowledged: false,
    until: undefined,
    resumes: false,
    clamp: false,
    connectedAtMs: undefined,
    disconnectedAtMs: undefined,
    disconnectCode: undefined,
    expiresAtMs: undefined,
    holder: "gone",
    epoch: 1,
    ...part,
  };
}
