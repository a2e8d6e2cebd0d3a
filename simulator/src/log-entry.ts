/** One event of the enriched log, as the judge knows it. */
export interface LogEntry {
  readonly partition: number;
  readonly offset: number;
  readonly at: number;
  readonly eventType: string;
  readonly id: string;
  readonly removed: boolean;
  readonly noun: string;
  readonly payload: { readonly [member: string]: unknown };
  /** Goes to everyone whose rule could match this field's value. */
  readonly broadcast: { readonly field: string; readonly value: string } | undefined;
  readonly onRequest: boolean;
  readonly isDeletion: boolean;
  /** Of a deletion: what it deletes, where the log has it. */
  readonly original: LogEntry | undefined;
  /** Whether its content is deleted further on: it need not be delivered then. */
  isDeletedLater: boolean;
}

/** Whether an event takes something back. */
export function cancels(entry: LogEntry): boolean {
  return entry.removed || entry.isDeletion || entry.broadcast !== undefined;
}
