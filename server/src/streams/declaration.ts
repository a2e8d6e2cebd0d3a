import { nearest, type PenstockError } from "@penstock-dev/contract";
import { wrong } from "./declaration-error.ts";
import { type JsonPath, parseJsonPath } from "./json-path.ts";

const MEMBERS = [
  "topic",
  "description",
  "format",
  "noun",
  "event_type",
  "event_types",
  "id",
  "time",
  "key",
  "fields",
  "omit",
  "latest_by",
  "own",
  "partitions",
];

/** One declared stream's block of the configuration: its members, read with what they may be. */
export class Declaration {
  readonly name: string;
  /** Where it stands in the file: `streams.orders`. */
  readonly path: string;
  readonly #entry: Readonly<Record<string, unknown>>;

  /** @throws PenstockError for a member that no stream has */
  constructor(name: string, entry: object) {
    this.name = name;
    this.path = `streams.${name}`;
    this.#entry = entry as Readonly<Record<string, unknown>>;
    for (const member of Object.keys(entry)) {
      if (MEMBERS.includes(member)) continue;
      const meant = nearest(member, MEMBERS);
      const hint = meant === undefined ? "" : `; did you mean ${meant}?`;
      throw this.wrong(
        member,
        `is no member of a declared stream, which has ${MEMBERS.join(", ")}${hint}`,
      );
    }
  }

  /** What is wrong with a member. */
  wrong(member: string, message: string): PenstockError {
    return wrong(`${this.path}.${member}`, message);
  }

  /** A member as it was given. */
  given(member: string): unknown {
    return this.#entry[member];
  }

  /** A text that is not empty. @throws PenstockError where it is none, or is missing without fallback */
  text(member: string, fallback: string | undefined): string {
    const value = this.#entry[member] ?? fallback;
    if (typeof value === "string" && value !== "") return value;
    throw this.wrong(member, "must be a text");
  }

  /** A list of texts; empty where it is left out. */
  list(member: string): readonly string[] {
    const value = this.#entry[member] ?? [];
    if (Array.isArray(value) && value.every((item) => typeof item === "string"))
      return value as readonly string[];
    throw this.wrong(member, "must be a list of texts");
  }

  /** A path into a record; undefined where it is left out. */
  jsonPath(member: string): JsonPath | undefined {
    const value = this.#entry[member];
    if (value === undefined || value === null) return undefined;
    const path = typeof value === "string" ? parseJsonPath(value) : undefined;
    if (path === undefined || path.length === 0)
      throw this.wrong(member, "must be a path such as $.customer.id");
    return path;
  }
}
