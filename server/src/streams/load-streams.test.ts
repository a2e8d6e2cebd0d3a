import assert from "node:assert/strict";
import { test } from "node:test";
import { type Domain, PenstockError } from "@penstock-dev/contract";
import { chainEvents } from "@penstock-dev/domain-chain-events";
import { tweets } from "@penstock-dev/domain-tweets";
import { parse } from "yaml";
import { loadStreams } from "./load-streams.ts";

const domains: ReadonlyMap<string, Domain> = new Map([
  ["tweets", tweets],
  ["chain-events", chainEvents],
]);

const load = (yaml: string) => loadStreams(parse(yaml), domains, 4);

/** What a configuration is refused for. */
function refusal(yaml: string): string {
  try {
    load(yaml);
  } catch (caught) {
    assert.ok(caught instanceof PenstockError, String(caught));
    assert.equal(caught.code, "invalid_request");
    return caught.message;
  }
  assert.fail(`nothing is wrong with ${yaml}`);
}

test("without a configuration each domain is served under its own name", () => {
  const streams = loadStreams(undefined, domains, 3);
  assert.deepEqual([...streams.keys()], ["tweets", "chain-events"]);
  assert.equal(streams.get("tweets")?.partitions, 3);
  assert.equal(streams.get("tweets")?.noun, "tweet");
  assert.equal(streams.get("chain-events")?.noun, undefined);
});

test("a typed stream takes its topics, types and fields from its domain, and its own partitions", () => {
  const stream = load("posts: { domain: tweets, partitions: 2 }").get("posts");
  assert.ok(stream !== undefined);
  assert.equal(stream.name, "posts");
  assert.equal(stream.partitions, 2);
  assert.equal(stream.topic, "tweets.enriched");
  assert.equal(stream.ingestTopic, "raw_tweets");
  assert.equal(stream.tombstoneTopic, "tweets.tombstones");
  assert.deepEqual([...stream.eventTypes.keys()], ["new_tweet", "retweet", "reply", "delete"]);
  assert.deepEqual(stream.fields.get("event_types")?.values, [...stream.eventTypes.keys()]);
  assert.ok(stream.fields.has("hashtags"));
});

test("what is wrong with a stream is told by its member, with what it may be", () => {
  const wrong: readonly (readonly [yaml: string, message: string])[] = [
    [
      "{}",
      "streams names none: write one below it, such as `tweets: { domain: tweets }`, or leave it out, and tweets and chain-events are served.",
    ],
    ["[orders]", "streams must be a mapping of streams by name."],
    ["Orders: { topic: t }", "streams.Orders must be named in lower case, with digits and dashes."],
    ["ingest: { topic: t }", "streams.ingest has a name that the addresses use."],
    ["orders: shop.orders", "streams.orders must be a mapping."],
    ["orders: { }", "streams.orders.topic must be a text."],
    ["orders: { topic: 7 }", "streams.orders.topic must be a text."],
    ["orders: { topic: t, format: avro }", "streams.orders.format must be json."],
    [
      "orders: { topic: t, noun: position }",
      "streams.orders.noun must be a name in snake_case, and none of event_type, position, at, id, removed, tags, type.",
    ],
    [
      "orders: { topic: t, event_type: '$..x' }",
      "streams.orders.event_type must be a path such as $.customer.id.",
    ],
    [
      "orders: { topic: t, event_type: sale, event_types: [a] }",
      "streams.orders.event_types must be left out where event_type is no path.",
    ],
    [
      "orders: { topic: t, event_type: $.type, event_types: a }",
      "streams.orders.event_types must be a list of texts.",
    ],
    [
      "orders: { topic: t, id: order_id }",
      "streams.orders.id must be a path such as $.customer.id.",
    ],
    ["orders: { topic: t, id: $ }", "streams.orders.id must be a path such as $.customer.id."],
    [
      "orders: { topic: t, time: yesterday }",
      "streams.orders.time must be a path such as $.customer.id.",
    ],
    ["orders: { topic: t, key: 1 }", "streams.orders.key must be a path such as $.customer.id."],
    [
      "orders: { topic: t, partitions: many }",
      "streams.orders.partitions must be a whole number of 1 to 1024.",
    ],
    [
      "orders: { topic: t, partitions: 0 }",
      "streams.orders.partitions must be a whole number of 1 to 1024.",
    ],
    ["orders: { topic: t, omit: $.a }", "streams.orders.omit must be a list of texts."],
    [
      "orders: { topic: t, omit: [a] }",
      "streams.orders.omit has a, which is no path such as $.customer.email.",
    ],
    [
      "orders: { topic: t, fields: abc }",
      "streams.orders.fields must be a mapping of fields by name, or a list of names.",
    ],
    [
      "orders: { topic: t, fields: [1] }",
      "streams.orders.fields must be a mapping of fields by name, or a list of names.",
    ],
    ["orders: { topic: t, fields: [a, a] }", "streams.orders.fields.a stands there twice."],
    [
      "orders: { topic: t, fields: [customerId] }",
      "streams.orders.fields.customerId must be named in snake_case.",
    ],
    [
      "orders: { topic: t, fields: [limit] }",
      "streams.orders.fields.limit has a name that the addresses use.",
    ],
    [
      "orders: { topic: t, fields: [event_types] }",
      "streams.orders.fields.event_types has a name that the addresses use.",
    ],
    [
      "orders: { topic: t, fields: { a: $.a } }",
      "streams.orders.fields.a must be a mapping with a path or a header.",
    ],
    [
      "orders: { topic: t, fields: { a: {} } }",
      "streams.orders.fields.a must have a path such as $.customer.id, or a header.",
    ],
    [
      "orders: { topic: t, fields: { a: { path: a } } }",
      "streams.orders.fields.a.path must be a path such as $.customer.id.",
    ],
    [
      "orders: { topic: t, fields: { a: { path: $.a, header: a } } }",
      "streams.orders.fields.a must have a path or a header, not both.",
    ],
    [
      "orders: { topic: t, fields: { a: { path: $.a, kind: fuzzy } } }",
      "streams.orders.fields.a.kind must be one of exact, set, text, range.",
    ],
    [
      "orders: { topic: t, fields: { a: { path: $.a, type: exact } } }",
      "streams.orders.fields.a.type is no member of a field, which has path or header, kind and description.",
    ],
    [
      "orders: { topic: t, fields: { price: { path: $.p, kind: range }, min_price: { path: $.m } } }",
      "streams.orders.fields.min_price has a name by which the range price is filtered.",
    ],
    [
      "orders: { topic: t, fields: [a], latest_by: [b] }",
      "streams.orders.latest_by names b, which is no field.",
    ],
    [
      "orders: { topic: t, fields: [a], own: a }",
      'streams.orders.own must be a mapping such as { customer_ids: "{sub}" }.',
    ],
    [
      "orders: { topic: t, fields: [a], own: { b: x } }",
      "streams.orders.own.b is no field of the stream.",
    ],
    [
      "orders: { topic: t, fields: [a], own: { a: 1 } }",
      'streams.orders.own.a must be a text such as "{sub}".',
    ],
    [
      "posts: { domain: tweet }",
      "streams.posts.domain must be one of tweets, chain-events; did you mean tweets?",
    ],
    ["posts: { domain: mail }", "streams.posts.domain must be one of tweets, chain-events."],
    [
      "posts: { domain: tweets, topic: t }",
      "streams.posts.topic is no member of a typed stream, which has domain and partitions.",
    ],
    [
      "posts: { domain: tweets, partitions: 1.5 }",
      "streams.posts.partitions must be a whole number of 1 to 1024.",
    ],
  ];
  for (const [yaml, message] of wrong) assert.equal(refusal(yaml), message, yaml);
});

test("a member that is misspelt is answered with the one that was meant", () => {
  assert.match(
    refusal("orders: { topc: t }"),
    /^streams\.orders\.topc is no member of a declared stream, which has topic, .*; did you mean topic\?/,
  );
});
