/**
 * A domain in one file: npx penstock serve --domains ./examples/custom-domain.ts
 *
 * Readings of sensors: checked when they come in, in order for each sensor, told as `reading` or, from
 * 80 degrees on, as `alarm`. It has no `process`, for each record is one event by itself; where events
 * must be joined, repeats dropped or content deleted, see domains/direct-messages.
 */
import { asDomain, type Domain, type FieldError, type JsonSchema } from "@penstock-dev/contract";

interface Reading {
  readonly sensor: string;
  readonly celsius: number;
  readonly time?: string;
}

const ALARM_CELSIUS = 80;

const schema: JsonSchema = {
  type: "object",
  required: ["sensor", "celsius"],
  additionalProperties: false,
  properties: {
    sensor: { type: "string" },
    celsius: { type: "number" },
    time: { type: "string", format: "date-time" },
  },
};

/** What is wrong with a record, by member; nothing where it may be ingested. */
function wrongMembers(value: object): FieldError[] {
  const { sensor, celsius, time, ...others } = value as Record<string, unknown>;
  const errors = Object.keys(others).map((name) => ({
    path: `/${name}`,
    message: "is not a member of a reading",
  }));
  if (typeof sensor !== "string" || sensor === "")
    errors.push({ path: "/sensor", message: "must be a text" });
  if (typeof celsius !== "number") errors.push({ path: "/celsius", message: "must be a number" });
  if (time !== undefined && Number.isNaN(Date.parse(String(time))))
    errors.push({ path: "/time", message: "must be a time" });
  return errors;
}

const domain: Domain<Reading> = {
  name: "readings",
  description: "Temperatures of sensors.",
  // Without a process there is one topic: what is ingested is what is served.
  topics: { raw: "readings", enriched: "readings" },
  ingest: {
    schema,
    parse: (value) => {
      if (typeof value !== "object" || value === null)
        return { ok: false, errors: [{ path: "", message: "must be a JSON object" }] };
      const errors = wrongMembers(value);
      return errors.length > 0 ? { ok: false, errors } : { ok: true, value: value as Reading };
    },
    complete: (raw, { nowMs }) => ({ ...raw, time: raw.time ?? new Date(nowMs).toISOString() }),
    key: ({ sensor }) => sensor,
    id: ({ sensor, time }) => `${sensor}@${time}`,
  },
  toEvent: (raw) => ({
    event_type: raw.celsius >= ALARM_CELSIUS ? "alarm" : "reading",
    noun: "reading",
    id: `${raw.sensor}@${raw.time}`,
    payload: { ...raw },
  }),
  event_types: {
    reading: { noun: "reading", description: "A temperature was measured.", schema },
    alarm: { noun: "reading", description: `It is ${ALARM_CELSIUS} degrees or more.`, schema },
  },
  fields: {
    sensors: {
      kind: "exact",
      description: "The sensor that measured.",
      example: "boiler-1",
      take: ({ payload }) => String(payload.sensor),
    },
    celsius: {
      kind: "range",
      description: "The temperature: min_celsius, max_celsius.",
      example: "21.5",
      take: ({ payload }) => String(payload.celsius),
    },
  },
  latestBy: ({ payload }) => String(payload.sensor),
};

export const readings: Domain = asDomain(domain);
