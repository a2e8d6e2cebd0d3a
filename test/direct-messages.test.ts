/** A domain that is only named in the configuration is served like those that ship. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Penstock, type PenstockEvent } from "@penstock-dev/client";
import { Served } from "./newcomer/served.ts";

interface MessageEvent extends PenstockEvent {
  readonly message: { readonly from: string; readonly to: string; readonly text?: string };
}

const NAMES = ["./domains/direct-messages/src/index.ts", "@penstock-dev/domain-direct-messages"];

/** The events of a filter, from the beginning, until an event with some id and type came. */
async function follow(
  url: string,
  filters: Readonly<Record<string, readonly string[]>>,
  last: readonly [eventType: string, id: string],
): Promise<readonly string[]> {
  const told: string[] = [];
  await using events = new Penstock({ url }).stream<MessageEvent>("direct-messages", {
    filters,
    start: "earliest",
  });
  for await (const { event_type, id } of events) {
    told.push(`${event_type} ${id}`);
    if (event_type === last[0] && id === last[1]) break;
  }
  return told;
}

for (const name of NAMES) {
  describe(`direct messages, named as ${name}`, () => {
    test("are checked, ordered, filtered, read and deleted", async () => {
      const folder = await mkdtemp(join(tmpdir(), "penstock-domain-"));
      const file = join(folder, "penstock.yaml");
      await writeFile(
        file,
        `domains: ["${name}"]\nstreams: { direct-messages: { domain: direct-messages } }\n`,
      );
      try {
        await using server = await Served.start("--config", file);
        const { url } = server;
        await server.publish("direct-messages", [
          { id: "m1", from: "ann", to: "bob", text: "Did the invoice go out?" },
          { id: "m2", from: "carla", to: "deniz", text: "Lunch?" },
          { id: "m3", from: "bob", to: "ann", text: "Yes" },
          { id: "m3", from: "bob", to: "ann", text: "Yes" },
          { type: "read", id: "m1", from: "ann", to: "bob" },
        ]);
        const live = follow(url, { keywords: ["invoice"] }, ["delete", "m1"]);
        const bob = follow(url, { participants: ["bob"] }, ["read", "m1"]);
        assert.deepEqual(await bob, ["message m1", "message m3", "read m1"]);
        const recent = async (query: string): Promise<readonly unknown[]> => {
          const answer = await fetch(`${url}/v1/direct-messages/recent?${query}`);
          return ((await answer.json()) as { messages: unknown[] }).messages;
        };
        assert.equal((await recent("participants=ann")).length, 3);

        await server.publish("direct-messages", [
          { type: "delete", id: "m1", from: "ann", to: "bob" },
        ]);
        // The deletion has no words, and reaches whoever followed those of the message. Whether its
        // original came before depends on which of the two was first; after it, nothing serves it.
        assert.equal((await live).at(-1), "delete m1");
        assert.deepEqual(
          (await recent("participants=ann")).map((message) => (message as { id: string }).id),
          ["m3"],
        );
        assert.deepEqual(await follow(url, { from: ["ann"] }, ["delete", "m1"]), ["delete m1"]);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    });

    test("are refused where they are wrong, and described", async () => {
      await using server = await Served.start("--domains", name);
      const refused = await fetch(`${server.url}/v1/ingest/direct-messages`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: '{"from":"ann","text":"to nobody"}',
      });
      assert.equal(refused.status, 422);
      const { errors } = (await refused.json()) as { errors: { path: string }[] };
      assert.deepEqual(
        errors.map(({ path }) => path),
        ["/to"],
      );
      const answer = await fetch(`${server.url}/v1/streams`);
      const { streams } = (await answer.json()) as {
        streams: { name: string; fields: { name: string }[] }[];
      };
      const described = streams.find((stream) => stream.name === "direct-messages");
      assert.deepEqual(described?.fields.map((field) => field.name).sort(), [
        ...["event_types", "from", "keywords", "participants", "to"],
      ]);
      assert.ok(streams.some((stream) => stream.name === "tweets"));
    });
  });
}
