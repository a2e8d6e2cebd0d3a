import { PenstockError } from "@penstock-dev/contract";
import type { IngestRecord, Stream } from "../../streams/index.ts";
import type { Ingester } from "../ingester.ts";

/** What a source tells an operator. */
export type Tell = (
  level: "info" | "warn" | "error",
  message: string,
  fields?: Readonly<Record<string, unknown>>,
) => void;

/** Waits, unless one of the signals aborts first; nothing of it is left at them then. */
export async function pause(ms: number, ...signals: readonly AbortSignal[]): Promise<void> {
  if (signals.some(({ aborted }) => aborted)) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = (): void => resolve();
  const timer = setTimeout(end, ms);
  for (const signal of signals) signal.addEventListener("abort", end);
  await promise;
  clearTimeout(timer);
  for (const signal of signals) signal.removeEventListener("abort", end);
}

/**
 * Appends records; where too much waits for the log already, the source waits too.
 *
 * @throws the signal's reason where nothing was appended, and what the log throws
 */
export async function append(
  ingester: Ingester,
  stream: Stream,
  records: readonly IngestRecord[],
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    try {
      await ingester.append(stream, records);
      return;
    } catch (caught) {
      const { code, retryAfterMs = 1000 } = PenstockError.from(caught);
      if (code !== "overloaded") throw caught;
      await pause(retryAfterMs, signal);
    }
  }
}
