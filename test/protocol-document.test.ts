/** PROTOCOL.md is true: its examples are carried out, and its tables are those of the code. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  CLOSE,
  decodeCursor,
  ENVELOPE_MEMBERS,
  ERRORS,
  encodeCursor,
  nearest,
  PenstockError,
  parsePosition,
  RESERVED_NAMES,
  retryOf,
  WHEN_BEHIND,
} from "@penstock-dev/contract";
import { chainEvents } from "@penstock-dev/domain-chain-events";
import { tweets } from "@penstock-dev/domain-tweets";
import { z } from "zod";
import { openGrant } from "../server/src/access/index.ts";
import { accessOptions } from "../server/src/access/options.ts";
import { OPERATIONS } from "../server/src/api/docs/operations.ts";
import * as answers from "../server/src/api/schemas/answers.ts";
import { eventSchema, frameSchemas, limitsSchema } from "../server/src/api/schemas/frames.ts";
import * as queries from "../server/src/api/schemas/queries.ts";
import * as requests from "../server/src/api/schemas/requests.ts";
import { namedOptions } from "../server/src/config/names.ts";
import { clientFrameSchemas } from "../server/src/deliver/index.ts";
import { kindNames, parseFilters } from "../server/src/filter/index.ts";
import { defaultsOf } from "../server/src/option.ts";
import { loadStreams, type Stream } from "../server/src/streams/index.ts";
import { type Block, codes, Document, type Table } from "./protocol-document/document.ts";
import {
  assertFrame,
  runHttp,
  runNdjson,
  runSse,
  runWebSocket,
} from "./protocol-document/exchanges.ts";
import { TestServer } from "./transports/test-server.ts";

const document = Document.read(new URL("../PROTOCOL.md", import.meta.url));
const { limits } = openGrant(defaultsOf(accessOptions));
const domains = new Map([tweets, chainEvents].map((domain) => [domain.name, domain]));
const streams = loadStreams(undefined, domains, 1);

function streamOf(name: string | undefined): Stream {
  const stream = streams.get(name ?? "");
  assert.ok(stream !== undefined, `there is no stream ${name}`);
  return stream;
}

/** What a block of each kind shows, by the first words of the kind. */
const CHECKS: Readonly<Record<string, (block: Block, url: string) => Promise<void> | void>> = {
  http: async (block, url) => await runHttp(url, block),
  websocket: async (block, url) => await runWebSocket(url, block),
  sse: async (block, url) => await runSse(url, block),
  ndjson: async (block, url) => await runNdjson(url, block),
  cursor: ({ text }) => {
    assert.equal(encodeCursor(decodeCursor(text.trim())), text.trim());
  },
  "json event": ({ text }) => {
    const event = eventSchema.parse(JSON.parse(text));
    assert.ok(parsePosition(event.position) !== undefined);
    const type = [...streams.values()]
      .map(({ eventTypes }) => eventTypes.get(event.event_type))
      .find((found) => found !== undefined);
    assert.ok(type !== undefined, `${event.event_type} is no event type`);
    const members = Object.keys(event).filter((name) => !ENVELOPE_MEMBERS.includes(name));
    assert.deepEqual(members, [type.noun]);
    const payload = Reflect.get(event, type.noun) as object;
    const { required = [], properties = {} } = type.schema as {
      required?: readonly string[];
      properties?: object;
    };
    for (const name of required) assert.ok(name in payload, `${name} is missing`);
    for (const name of Object.keys(payload)) assert.ok(name in properties, `${name} is unknown`);
  },
  "json server-frame": ({ text }) => {
    const frame = JSON.parse(text) as { type: string };
    assert.ok(frame.type in frameSchemas, frame.type);
    assertFrame(frame);
    for (const [cursor] of text.matchAll(/c1\.[\w-]+/g)) decodeCursor(cursor);
  },
  "json client-frame": ({ text }) => {
    const frame = JSON.parse(text) as object;
    requests.clientFrameSchema.parse(frame);
    parseFilters(streamOf("tweets"), frame, limits);
    for (const [cursor] of text.matchAll(/c1\.[\w-]+/g)) decodeCursor(cursor);
  },
  "json filters": ({ kind, text }) => {
    const [given = "", understood = ""] = text.split("\n");
    const filters = parseFilters(
      streamOf(kind.split(" ")[2]),
      { filters: JSON.parse(given) },
      limits,
    );
    assert.deepEqual(filters.wire, [JSON.parse(understood)]);
  },
  "json refused": ({ kind, text }) => {
    const [, , stream, code, path] = kind.split(" ");
    assert.throws(
      () => parseFilters(streamOf(stream), { filters: JSON.parse(text) }, limits),
      (caught: unknown) => {
        const error = PenstockError.from(caught);
        assert.equal(error.code, code);
        assert.deepEqual(
          error.errors.map((wrong) => wrong.path),
          [path],
        );
        return true;
      },
    );
  },
};

describe("the examples of PROTOCOL.md", () => {
  let server: TestServer;
  before(async () => {
    server = await TestServer.start({ "topics-partitions": "1" });
  });
  after(async () => await server[Symbol.asyncDispose]());

  assert.ok(document.blocks.length > 25);
  for (const block of document.blocks) {
    test(`line ${block.line}: ${block.kind}`, async () => {
      const known = Object.keys(CHECKS).find((kind) => `${block.kind} `.startsWith(`${kind} `));
      assert.ok(
        known !== undefined,
        `line ${block.line}: nothing checks a block of ${JSON.stringify(block.kind)}; is it ${nearest(block.kind, Object.keys(CHECKS))}?`,
      );
      await CHECKS[known]?.(block, server.url);
    });
  }
});

/** The names in the first column of a table, in their order. */
const namesOf = ({ rows }: Table): string[] => rows.flatMap(([first]) => codes(first));
const sorted = (names: Iterable<string>): string[] => [...names].sort();
const membersOf = (schema: z.ZodObject): string[] => sorted(Object.keys(schema.shape));

function assertMembers(heading: string, schema: z.ZodObject, at = 0): void {
  const table = document.under(heading)[at];
  assert.ok(table !== undefined, heading);
  assert.deepEqual(sorted(namesOf(table)), membersOf(schema), heading);
}

describe("the tables of PROTOCOL.md", () => {
  test("errors", () => {
    const [table] = document.under("13.1 Errors");
    const told = table?.rows.map(([code, status, close]) => [codes(code)[0], status, close]);
    const known = Object.entries(ERRORS).map(([code, { status, close }]) => [
      code,
      String(status),
      String(CLOSE[close]),
    ]);
    assert.deepEqual(told, known);
  });

  test("closes", () => {
    const [table] = document.under("13.2 Closes");
    const told = table?.rows.map(([code, name, retry]) => [code, codes(name)[0], codes(retry)[0]]);
    const known = Object.entries(CLOSE).map(([name, code]) => [String(code), name, retryOf(code)]);
    assert.deepEqual(told, known);
  });

  test("what a range of closes asks", () => {
    const [table] = document.under("13.3 What a client does");
    const retries = new Set<string>();
    for (const [range = "", retry] of table?.rows ?? []) {
      const [told = ""] = codes(retry);
      retries.add(told);
      for (const part of range.split(", ")) {
        const [from, to] = part.split(" to ").map(Number);
        if (from === undefined || Number.isNaN(from)) continue;
        for (let code = from; code <= (to ?? from); code++)
          assert.equal(retryOf(code), told, String(code));
      }
    }
    assert.deepEqual(sorted(retries), ["choose", "never", "reconnect", "renew", "wait"]);
  });

  test("frames of the server, and the members of each", () => {
    const [table] = document.under("9.1 From the server");
    assert.deepEqual(sorted(namesOf(table as Table)), sorted(Object.keys(frameSchemas)));
    for (const [type, schema] of Object.entries(frameSchemas)) assertMembers(type, schema);
  });

  test("frames of the client, and the members of a subscription", () => {
    const [table] = document.under("9.2 From the client");
    assert.deepEqual(sorted(namesOf(table as Table)), sorted(Object.keys(clientFrameSchemas)));
    assertMembers("7.1 Making one", requests.subscribeRequestSchema);
  });

  test("calls", () => {
    const [table] = document.under("4.1 All of them");
    const told = table?.rows.map(([method, path]) => `${codes(method)[0]} ${codes(path)[0]}`);
    const known = OPERATIONS.map(
      ({ method, path }) =>
        `${method.toUpperCase()} ${path.replace(":stream", "{stream}").replace(":session", "{session_id}")}`,
    );
    assert.deepEqual(sorted(told ?? []), sorted(known));
  });

  test("parameters of queries", () => {
    assertMembers("4.3 Recent events", queries.recentQuery);
    assertMembers("4.4 History", queries.historyQuery);
    assertMembers("8.1 Addresses", queries.liveQuery);
  });

  test("members of answers", () => {
    assertMembers("4.7 Refusals", answers.problemSchema);
    assertMembers("7.2 Limits", limitsSchema);
    assertMembers("7.3 Reading one", answers.sessionWithUrlsSchema);
    const { lag } = answers.sessionSchema.shape;
    for (const name of Object.keys(lag.unwrap().shape))
      assert.ok(document.text.includes(`\`${name}\``), name);
    const patch = /`PATCH` takes ([^;]*?), and answers/.exec(document.text)?.[1];
    assert.deepEqual(sorted(codes(patch)), membersOf(requests.sessionPatchSchema));
    assertMembers("3.1 The envelope", eventSchema);
  });

  test("kinds of field, policies and reasons of gaps", () => {
    assert.deepEqual(namesOf(document.withColumn("kind")), kindNames());
    assert.deepEqual(namesOf(document.withColumn("`when_behind`")), WHEN_BEHIND);
    const { options } = frameSchemas.gap.shape.reason;
    assert.deepEqual(namesOf(document.withColumn("reason")), options);
  });

  test("reserved names", () => {
    const list = /No stream and no field is named so:\n\n([\s\S]*?)\n\n/.exec(document.text)?.[1];
    assert.deepEqual(codes(list), RESERVED_NAMES);
  });

  test("forms of start", () => {
    const told = namesOf(document.withColumn("`start`"));
    const forms = told.map((text) => JSON.parse(text) as unknown);
    const named = forms.map((form) =>
      typeof form === "string" ? form : Object.keys(form ?? {})[0],
    );
    assert.deepEqual(named, ["now", "earliest", "cursor", "time", "ago", "block"]);
    for (const start of forms)
      assert.ok(requests.subscribeRequestSchema.safeParse({ start }).success);
    const { anyOf } = z.toJSONSchema(requests.subscribeRequestSchema.shape.start.unwrap());
    assert.equal(anyOf?.length, forms.length);
  });

  test("figures", () => {
    const [table] = document.under("16. Figures");
    for (const [option, figure] of table?.rows ?? []) {
      const [flag] = codes(option);
      const known = namedOptions.find((named) => named.flag === flag);
      assert.equal(known?.option.default, figure, flag);
    }
    const flags = codes(document.text).filter((code) => code.startsWith("--"));
    for (const flag of flags)
      assert.ok(
        namedOptions.some((named) => named.flag === flag),
        flag,
      );
  });

  test("sections that are referred to are there", () => {
    const headings = new Set(
      [...document.text.matchAll(/^#+ (\d+(?:\.\d+)?)\.? /gm)].map((match) => match[1]),
    );
    const references = [...document.text.matchAll(/§(\d+(?:\.\d+)?)/g)];
    assert.ok(references.length > 40);
    for (const [, section] of references) assert.ok(headings.has(section), `§${section}`);
  });
});
