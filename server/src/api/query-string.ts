import { type FieldError, PenstockError, pointer, unknownMembers } from "@penstock-dev/contract";
import type { FastifyRequest } from "fastify";
import type { z } from "zod";
import { fieldMembers } from "../filter/index.ts";
import type { Stream } from "../streams/index.ts";

/** A query string, cut into the settings of the call and the fields of the stream. */
export interface Query<S extends z.ZodObject> {
  readonly settings: z.output<S>;
  readonly fields: readonly (readonly [string, string])[];
}

/**
 * Reads a call's query string.
 *
 * @param schema the settings that the call knows
 * @param stream whose fields may stand there besides; undefined for a call without filters
 * @throws PenstockError `invalid_request` or `unknown_field`, with each parameter that is wrong
 */
export function readQuery<S extends z.ZodObject>(
  request: FastifyRequest,
  schema: S,
  stream?: Stream,
): Query<S> {
  const mark = request.url.indexOf("?");
  const query = [...new URLSearchParams(mark < 0 ? "" : request.url.slice(mark + 1))];
  const settingNames = Object.keys(schema.shape);
  const fieldNames = stream === undefined ? [] : fieldMembers(stream);
  const known = [...settingNames, ...fieldNames];
  const there = known.length === 0 ? "has none" : `has ${known.join(", ")}`;
  const message = `is no parameter of this call, which ${there}`;
  const settings = new Map<string, string>();
  const fields: [string, string][] = [];
  const errors: FieldError[] = [];
  let unknown = false;
  for (const [name, value] of query) {
    if (settingNames.includes(name)) {
      if (settings.has(name)) errors.push({ path: pointer([name]), message: "must be given once" });
      settings.set(name, value);
    } else if (fieldNames.includes(name)) {
      fields.push([name, value]);
    } else {
      unknown = true;
      errors.push(...unknownMembers("", [name], known, message));
    }
  }
  const result = schema.safeParse(Object.fromEntries(settings));
  if (!result.success) {
    for (const { path, message } of result.error.issues)
      errors.push({ path: pointer(path), message });
  }
  const [first] = errors;
  if (first === undefined && result.success) return { settings: result.data, fields };
  const code = unknown && stream !== undefined ? "unknown_field" : "invalid_request";
  const detail = first === undefined ? "The query is wrong." : `${first.path} ${first.message}.`;
  throw new PenstockError(code, detail, { errors: errors.slice(0, 20) });
}
