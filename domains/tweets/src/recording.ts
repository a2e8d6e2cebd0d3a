/**
 * The raw record that a line of a public capture is: `created_at` (UTC), `screen_name`, `id`, `text`.
 * Undefined where the line has another shape.
 */
export function fromTweetRecording(line: unknown): readonly unknown[] | undefined {
  if (
    typeof line !== "object" ||
    line === null ||
    !("screen_name" in line) ||
    !("created_at" in line)
  )
    return undefined;
  const { id, text, screen_name, created_at } = line as Record<string, unknown>;
  const timestamp = String(created_at).replace(/^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)$/, "$1T$2Z");
  return [{ id: String(id), user_id: screen_name, text, timestamp }];
}
