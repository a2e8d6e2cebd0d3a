import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { ERRORS } from "../contract/src/index.ts";
import { OPERATIONS } from "../server/src/api/docs/operations.ts";
import { TestServer } from "./transports/test-server.ts";

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, unknown>>;
    readonly messages?: Readonly<Record<string, unknown>>;
  };
}

interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
  readonly responses: Readonly<Record<string, unknown>>;
}

/** Every `$ref` of a document. */
function references(value: unknown, found: string[] = []): string[] {
  if (typeof value !== "object" || value === null) return found;
  for (const [key, member] of Object.entries(value)) {
    if (key === "$ref") found.push(String(member));
    else references(member, found);
  }
  return found;
}

/** What a reference within a document leads to. */
function resolve(document: unknown, reference: string): unknown {
  return reference
    .slice(2)
    .split("/")
    .reduce<unknown>((at, part) => (at as Record<string, unknown> | undefined)?.[part], document);
}

describe("the documentation that a server serves", () => {
  let server: TestServer;
  before(async () => {
    server = await TestServer.start();
  });
  after(async () => await server[Symbol.asyncDispose]());

  const documentAt = async (path: string): Promise<Document> =>
    (await (await fetch(`${server.url}${path}`)).json()) as Document;

  test("every call that is described exists, whatever it answers to nonsense", async () => {
    const { paths } = await documentAt("/v1/openapi.json");
    const calls = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => [method.toUpperCase(), path] as const),
    );
    assert.ok(calls.length > OPERATIONS.length);
    for (const [method, path] of calls) {
      const url = `${server.url}${path.replace("{session_id}", "ses_nobody")}`;
      const answer = await fetch(url, { method, signal: AbortSignal.timeout(5000) });
      assert.notEqual(answer.status, 405, `${method} ${path}`);
      if (answer.status === 404) {
        const { code } = (await answer.json()) as { code: string };
        assert.equal(code, "session_not_found", `${method} ${path}`);
      } else {
        await answer.body?.cancel();
      }
    }
  });

  test("every address that answers is described, and others name the methods that they know", async () => {
    const { paths } = await documentAt("/v1/openapi.json");
    for (const [path, methods] of Object.entries(paths)) {
      const url = `${server.url}${path.replace("{session_id}", "ses_nobody")}`;
      const answer = await fetch(url, { method: "PUT", body: "{}" });
      assert.equal(answer.status, 405, path);
      // HEAD is GET without its body, and is described by it.
      const allowed = answer.headers
        .get("allow")
        ?.split(", ")
        .filter((method) => method !== "HEAD")
        .sort();
      assert.deepEqual(
        allowed,
        Object.keys(methods)
          .map((method) => method.toUpperCase())
          .sort(),
        path,
      );
      await answer.body?.cancel();
    }
  });

  test("the fields of a stream are parameters of its calls", async () => {
    const { paths } = await documentAt("/v1/openapi.json");
    const names = paths["/v1/chain-events/recent"]?.get?.parameters?.map(({ name }) => name);
    for (const name of [
      "chain",
      "address",
      "min_value",
      "max_value",
      "event_types",
      "limit",
      "after",
    ]) {
      assert.ok(names?.includes(name), name);
    }
  });

  test("no reference leads nowhere, and no operation is named twice", async () => {
    for (const path of ["/v1/openapi.json", "/v1/asyncapi.json"]) {
      const document = await documentAt(path);
      const found = references(document);
      assert.ok(found.length > 20, path);
      for (const reference of found) {
        assert.notEqual(resolve(document, reference), undefined, `${path}: ${reference}`);
      }
    }
    const { paths } = await documentAt("/v1/openapi.json");
    const ids = Object.values(paths).flatMap((methods) =>
      Object.values(methods).map(({ operationId }) => operationId),
    );
    assert.equal(new Set(ids).size, ids.length);
  });

  test("the pages show every call, every schema and every error code", async () => {
    const reference = await (await fetch(`${server.url}/docs`)).text();
    const { paths, components } = await documentAt("/v1/openapi.json");
    for (const path of Object.keys(paths)) assert.ok(reference.includes(path), path);
    for (const name of Object.keys(components.schemas)) {
      assert.ok(reference.includes(`id="schema-${name}"`), name);
    }
    const errors = await (await fetch(`${server.url}/docs/errors`)).text();
    for (const code of Object.keys(ERRORS)) assert.ok(errors.includes(`id="${code}"`), code);
  });
});
