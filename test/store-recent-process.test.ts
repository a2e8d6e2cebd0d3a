/** The recent window in other processes than the one that writes the archive, whoever is killed. */
import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { ArchiveFiles, ArchiveRecent, archivePath, type Found } from "../server/src/store/index.ts";
import { deletion, Enriched, idsOf, post, STORE } from "./store/enriched.ts";
import { openInMemory } from "./store/open-recent.ts";
import { code, NEVER } from "./store/recent-suite.ts";

const PARTITIONS = 2;
const PROGRAM = join(import.meta.dirname, "store/archive-process.ts");

async function start(role: "write" | "read", enriched: Enriched): Promise<ChildProcess> {
  const { dataDir, nowMs } = enriched;
  const child = fork(PROGRAM, [role, dataDir, "tweets", String(PARTITIONS), String(nowMs)]);
  const [said] = (await once(child, "message")) as [unknown];
  assert.equal(said, "ready");
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

function openHere(enriched: Enriched, options: Partial<typeof STORE> = {}) {
  const { log, stream, now, dataDir } = enriched;
  const files = new ArchiveFiles(archivePath(dataDir));
  const recent = ArchiveRecent.open({
    log,
    stream,
    now,
    files,
    options: { ...STORE, ...options },
  });
  return { files, recent };
}

async function ask(reader: ChildProcess, filters: object): Promise<Found> {
  const answered = once(reader, "message");
  reader.send(filters);
  const [found] = (await answered) as [Found];
  return found;
}

/** Posts in both partitions, some of which are deleted again. */
async function publish(enriched: Enriched, round: number, count: number): Promise<void> {
  for (let number = 0; number < count; number++) {
    enriched.nowMs += 1;
    const id = `r${round}n${number}`;
    const partition = number % PARTITIONS;
    await enriched.append(partition, [post(id, number % 10 === 0 ? "#rare" : "usual")]);
    if (number % 7 === 3) await enriched.append(partition, [deletion(id)]);
  }
}

test("readers in other processes find what the log holds, while their writer is killed and begins anew", async () => {
  await using enriched = await Enriched.open("tweets", PARTITIONS);
  await using memory = await openInMemory(enriched);
  const { files, recent } = openHere(enriched);
  await using _files = files;
  await using _recent = recent;
  let writer = await start("write", enriched);
  let reader = await start("read", enriched);
  try {
    let { cursor } = await recent.newest(enriched.filters({}), 1);
    for (let round = 0; round < 2; round++) {
      const publishing = publish(enriched, round, 60);
      // Somewhere amidst its writing, and its readers amidst their reading.
      const asking = ask(reader, {}).catch(() => undefined);
      await enriched.log.waitForMore(
        enriched.stream.topic,
        (await enriched.log.heads(enriched.stream.topic)).map((head) => head + 10),
        NEVER,
      );
      await kill(writer);
      await kill(reader);
      void asking;
      await publishing;
      writer = await start("write", enriched);
      reader = await start("read", enriched);
      for (const filters of [{}, { hashtags: "rare" }]) {
        const expected = await memory.newest(enriched.filters(filters), 1000);
        assert.deepEqual(await recent.newest(enriched.filters(filters), 1000), expected);
        assert.deepEqual(await ask(reader, filters), expected);
      }
      const rare = enriched.filters({ hashtags: "rare" });
      const next = await memory.after(rare, 1000, cursor, 0, NEVER);
      assert.ok(next.bodies.length >= 5);
      assert.deepEqual(await recent.after(rare, 1000, cursor, 0, NEVER), next);
      ({ cursor } = next);
    }
  } finally {
    await kill(reader);
    await kill(writer);
  }
});

test("without a writer a reader answers what is archived, and 503 as soon as there is more", async () => {
  await using enriched = await Enriched.open("tweets", PARTITIONS);
  const { files, recent } = openHere(enriched, { catchUpMs: 50 });
  await using _files = files;
  await using _recent = recent;
  const all = enriched.filters({});
  await assert.rejects(recent.newest(all, 9), code("storage_unavailable"));
  const writer = await start("write", enriched);
  const patient = openHere(enriched).recent;
  try {
    await enriched.append(0, [post("t1")]);
    const { bodies, cursor } = await patient.newest(all, 9);
    assert.deepEqual(idsOf(bodies), ["t1"]);
    // What waits in one process is woken by what another wrote.
    const waiting = patient.after(all, 9, cursor, 60_000, NEVER);
    enriched.nowMs += 1;
    await enriched.append(1, [post("t2")]);
    assert.deepEqual(idsOf((await waiting).bodies), ["t2"]);
  } finally {
    await kill(writer);
  }
  assert.deepEqual(idsOf((await recent.newest(all, 9)).bodies), ["t2", "t1"]);
  await enriched.append(0, [deletion("t1")]);
  for (const asked of [recent.newest(all, 9), recent.preview(all, 1)]) {
    await assert.rejects(asked, (caught) => {
      assert.ok(((caught as { retryAfterMs?: number }).retryAfterMs ?? 0) > 0);
      return code("storage_unavailable")(caught);
    });
  }
  const again = await start("write", enriched);
  try {
    assert.deepEqual(idsOf((await patient.newest(all, 9)).bodies), ["t2"]);
  } finally {
    await kill(again);
  }
});
