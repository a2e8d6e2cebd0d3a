/** Both recent windows answer alike, whatever happened. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { PenstockError } from "@penstock-dev/contract";
import fc from "fast-check";
import type { Filters } from "../server/src/filter/index.ts";
import { Archive, ArchiveRecent, type Recent } from "../server/src/store/index.ts";
import { deletion, Enriched, post, reorg, STORE, transaction } from "./store/enriched.ts";
import { openInMemory } from "./store/open-recent.ts";
import { NEVER } from "./store/recent-suite.ts";

const OPTIONS = { ...STORE, recentMs: 1000 };
const PARTITIONS = 3;

type Step =
  | { readonly kind: "events"; readonly names: readonly number[]; readonly cancels: boolean }
  | { readonly kind: "time"; readonly ms: number }
  | { readonly kind: "restart" }
  | { readonly kind: "retain" };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("events" as const),
      names: fc.array(fc.nat(20), { minLength: 1, maxLength: 6 }),
      cancels: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("time" as const), ms: fc.nat(400) }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "restart" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "retain" as const }) },
);

/** An archive that is written here, and can be begun anew. */
class Archived implements AsyncDisposable {
  readonly #enriched: Enriched;
  archive!: Archive;
  recent!: Recent;

  constructor(enriched: Enriched) {
    this.#enriched = enriched;
  }

  async start(): Promise<void> {
    const { log, stream, now, dataDir } = this.#enriched;
    const init = { log, stream, now, options: OPTIONS };
    this.archive = new Archive({ dataDir, ...init });
    await this.archive.follow(stream, (caught) => assert.fail(String(caught)));
    this.recent = ArchiveRecent.open({ ...init, files: this.archive.files });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.recent[Symbol.asyncDispose]();
    await this.archive[Symbol.asyncDispose]();
  }
}

/** An answer, or the code with which it is refused. */
async function outcome<T>(asked: Promise<T>): Promise<T | string> {
  return await asked.catch((caught: unknown) => PenstockError.from(caught).code);
}

/** All that is behind a cursor, page by page: where a page ends among what does not match may differ. */
async function pages(recent: Recent, filters: Filters, cursor: string): Promise<unknown> {
  const bodies: (readonly string[])[] = [];
  for (let from = cursor; ; ) {
    const page = await recent.after(filters, 3, from, 0, NEVER);
    bodies.push(page.bodies);
    if (!page.more) return { bodies, cursor: page.cursor };
    from = page.cursor;
  }
}

async function compare(
  enriched: Enriched,
  filters: readonly object[],
  both: readonly [Recent, Recent],
  cursors: string[],
): Promise<void> {
  const ask = async (question: (recent: Recent) => Promise<unknown>): Promise<unknown> => {
    const [expected, got] = await Promise.all(both.map((recent) => outcome(question(recent))));
    assert.deepEqual(got, expected);
    return got;
  };
  for (const filter of filters.map((one) => enriched.filters(one))) {
    for (const limit of [1, 4, 100]) await ask((recent) => recent.newest(filter, limit));
    for (const cursor of cursors.slice(-6)) await ask((recent) => pages(recent, filter, cursor));
    await ask(async (recent) => {
      const { matched, sample } = await recent.preview(filter, 5);
      return { matched, sample };
    });
  }
  const { cursor } = (await both[0].newest(enriched.filters({}), 1)) as { cursor: string };
  cursors.push(cursor);
}

async function run(
  enriched: Enriched,
  steps: readonly Step[],
  filters: readonly object[],
  publish: (step: Step & { kind: "events" }) => Promise<void>,
): Promise<void> {
  await using memory = await openInMemory(enriched, OPTIONS);
  await using archived = new Archived(enriched);
  await archived.start();
  const cursors: string[] = [];
  for (const one of steps) {
    if (one.kind === "events") await publish(one);
    else if (one.kind === "time") enriched.nowMs += one.ms;
    else if (one.kind === "retain") await archived.archive.retain();
    else {
      await archived[Symbol.asyncDispose]();
      await archived.start();
    }
    await compare(enriched, filters, [memory, archived.recent], cursors);
  }
}

test("memory and archive list the same posts, whatever was posted, deleted and dropped", async () => {
  const filters = [
    {},
    { hashtags: "even" },
    { keywords: ["number 7", "eleven"] },
    { user_ids: ["u1", "u4"], hashtags: ["odd"] },
    { event_types: "delete" },
  ];
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      await using enriched = await Enriched.open("tweets", PARTITIONS);
      await run(enriched, steps, filters, async ({ names, cancels }) => {
        for (const name of names) {
          const user = `u${name % 5}`;
          const text = `number ${name} #${name % 2 === 0 ? "even" : "odd"}`;
          const event = cancels ? deletion(`t${name}`, user) : post(`t${name}`, text, user);
          await enriched.append((name % 5) % PARTITIONS, [event]);
        }
      });
    }),
    { numRuns: 12 },
  );
});

test("memory and archive list the same transactions, whatever was undone and applied again", async () => {
  const filters = [{}, { min_value: "1" }, { max_value: "0.5" }, { event_types: "tx" }];
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
      await using enriched = await Enriched.open("chain-events", PARTITIONS);
      const standing = new Set<number>();
      await run(enriched, steps, filters, async ({ names, cancels }) => {
        for (const name of names) {
          const undo = standing.has(name);
          if (undo !== cancels) continue;
          if (undo) standing.delete(name);
          else standing.add(name);
          const event = transaction(`x${name}`, undo, String(name / 10));
          await enriched.append(name % PARTITIONS, undo ? [reorg(`r${name}`), event] : [event]);
        }
      });
    }),
    { numRuns: 12 },
  );
});
