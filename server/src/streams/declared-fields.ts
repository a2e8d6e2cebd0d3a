import { type DomainEvent, type FieldDefinition, RESERVED_NAMES } from "@penstock-dev/contract";
import type { Declaration } from "./declaration.ts";
import { wrong } from "./declaration-error.ts";
import { recordOf } from "./declared-record.ts";
import { parseJsonPath, valuesAt } from "./json-path.ts";

const KINDS = ["exact", "set", "text", "range"];
const SNAKE_CASE = /^[a-z][a-z0-9_]{0,62}$/;
const EXAMPLES: Readonly<Record<string, string>> = { range: "1.5", text: "some words" };

/** What of a declared stream's records can be filtered. @throws PenstockError naming what is wrong */
export function declaredFields(declaration: Declaration): ReadonlyMap<string, FieldDefinition> {
  const fields = new Map<string, FieldDefinition>();
  for (const [name, spec] of fieldSpecs(declaration)) {
    const at = `${declaration.path}.fields.${name}`;
    if (!SNAKE_CASE.test(name)) throw wrong(at, "must be named in snake_case");
    if (RESERVED_NAMES.includes(name) || name === "event_types")
      throw wrong(at, "has a name that the addresses use");
    if (fields.has(name)) throw wrong(at, "stands there twice");
    fields.set(name, readField(at, spec));
  }
  for (const [name, { kind }] of fields) {
    const taken = [`min_${name}`, `max_${name}`].find((bound) => fields.has(bound));
    if (kind === "range" && taken !== undefined)
      throw wrong(
        `${declaration.path}.fields.${taken}`,
        `has a name by which the range ${name} is filtered`,
      );
  }
  return fields;
}

/** Fields by name; of the short form, a list of names, each is the record's member of that name. */
function fieldSpecs(declaration: Declaration): readonly (readonly [string, unknown])[] {
  const given = declaration.given("fields") ?? [];
  if (Array.isArray(given) && given.every((name) => typeof name === "string"))
    return given.map((name: string) => [name, { path: `$.${name}` }]);
  if (typeof given === "object" && !Array.isArray(given)) return Object.entries(given as object);
  throw declaration.wrong("fields", "must be a mapping of fields by name, or a list of names");
}

function readField(at: string, spec: unknown): FieldDefinition {
  if (typeof spec !== "object" || spec === null || Array.isArray(spec))
    throw wrong(at, "must be a mapping with a path or a header");
  const { path, header, kind = "exact", description, ...rest } = spec as Record<string, unknown>;
  const [extra] = Object.keys(rest);
  if (extra !== undefined)
    throw wrong(
      `${at}.${extra}`,
      "is no member of a field, which has path or header, kind and description",
    );
  if (typeof kind !== "string" || !KINDS.includes(kind))
    throw wrong(`${at}.kind`, `must be one of ${KINDS.join(", ")}`);
  if (path !== undefined && header !== undefined)
    throw wrong(at, "must have a path or a header, not both");
  const told = path === undefined ? `the header ${String(header)}` : String(path);
  return {
    kind,
    description: typeof description === "string" ? description : told,
    example: EXAMPLES[kind] ?? "value",
    take: path === undefined ? fromHeader(at, header) : fromBody(at, path),
  };
}

function fromHeader(at: string, header: unknown): FieldDefinition["take"] {
  if (typeof header !== "string" || header === "")
    throw wrong(at, "must have a path such as $.customer.id, or a header");
  return (event: DomainEvent) => {
    const { headers } = recordOf(event);
    return Object.hasOwn(headers, header) ? headers[header] : undefined;
  };
}

function fromBody(at: string, given: unknown): FieldDefinition["take"] {
  const path = typeof given === "string" ? parseJsonPath(given) : undefined;
  if (path === undefined || path.length === 0)
    throw wrong(`${at}.path`, "must be a path such as $.customer.id");
  return (event: DomainEvent) => {
    const values: string[] = [];
    for (const value of valuesAt(recordOf(event).body, path))
      if (typeof value !== "object") values.push(String(value));
    return values.length === 0 ? undefined : values;
  };
}
