/** What producers may write: one schema each for a message, a receipt and a deletion. */
import {
  FIELD_ERRORS_MAX,
  type FieldError,
  hasLoneSurrogate,
  type Parsed,
  schemaErrors,
} from "@penstock-dev/contract";
import { z } from "zod";

/** Characters that a message may have, as code points. */
export const TEXT_CODE_POINTS_MAX = 10_000;

// Half of a surrogate pair cannot be written as UTF-8: it would change on its way through the log.
const text = z
  .string("must be a text")
  .refine((value) => !hasLoneSurrogate(value), "must be well-formed Unicode");
const name = text.min(1, "must not be empty").max(128, "must have at most 128 characters");
const time = z.iso
  .datetime({
    offset: true,
    error: "must be an ISO 8601 time with a zone, such as 2026-01-01T00:00:00Z",
  })
  // Times are kept in UTC, and what is kept is read again.
  .refine(
    (value) => Number.isNaN(Date.parse(value)) || /^\d{4}-/.test(new Date(value).toISOString()),
    "must be in the years 0000 to 9999 of UTC",
  );

// Strict objects: a member that nobody knows is a mistake of the producer, and is told to it.
const message = z.strictObject({
  id: name.optional().describe("Given by the server when absent."),
  from: name.describe("Who wrote it."),
  to: name.describe("Whom it is for."),
  text: text.min(1, "must not be empty").refine(
    // Twice as many UTF-16 units are never fewer code points: most texts need no counting.
    (value) => value.length <= TEXT_CODE_POINTS_MAX || [...value].length <= TEXT_CODE_POINTS_MAX,
    `must have at most ${TEXT_CODE_POINTS_MAX} code points`,
  ),
  timestamp: time.optional(),
});
const read = z.strictObject({
  type: z.literal("read"),
  id: name.describe("The message that was read."),
  from: name.describe("Who wrote the message."),
  to: name.describe("Who read it."),
  timestamp: time.optional(),
});
const deletion = z.strictObject({
  type: z.literal("delete"),
  id: name.describe("The message that its author takes back."),
  from: name.describe("Who wrote the message."),
  to: name.describe("Whom it was for."),
});
const schemas = { message, read, delete: deletion };

export type RawMessage = Omit<z.infer<typeof message>, "type"> & { readonly type?: undefined };
export type RawReceipt = z.infer<typeof read>;
export type RawDeletion = z.infer<typeof deletion>;
export type RawRecord = RawMessage | RawReceipt | RawDeletion;

/** What a raw record may be, for the documentation. */
export const rawSchema = {
  anyOf: Object.values(schemas).map((schema) => z.toJSONSchema(schema, { unrepresentable: "any" })),
};

/** Reads one raw record, strictly. What is wrong is said with the path of the member. */
export function parseRaw(value: unknown): Parsed<RawRecord> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return refused({ path: "", message: "must be a JSON object" });
  // Parsers of schemas leave this member out of sight; it is as unknown as any other.
  if (Object.hasOwn(value, "__proto__"))
    return refused({ path: "/__proto__", message: "is not a member of a direct message" });
  const type = "type" in value ? value.type : "message";
  if (type !== "read" && type !== "delete" && "type" in value)
    return refused({ path: "/type", message: "must be read or delete, or left out" });
  const schema = schemas[type as keyof typeof schemas];
  const result = schema.safeParse(value);
  if (result.success) return { ok: true, value: result.data as RawRecord };
  return refused(
    ...result.error.issues
      .slice(0, FIELD_ERRORS_MAX)
      .flatMap((issue) =>
        schemaErrors(issue, Object.keys(schema.shape), "is not a member of a direct message"),
      ),
  );
}

function refused(...errors: FieldError[]): Parsed<never> {
  return { ok: false, errors };
}
