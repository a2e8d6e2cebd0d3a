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
