/** The `file` source: a file is published once, across restarts in the middle. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { serveHere } from "./serve-here.ts";

const POSTS = 3000;

/** Texts of the posts that are there, read until so many came or nothing comes for a while. */
async function read(url: string, enough: number): Promise<string[]> {
  const abort = new AbortController();
  const texts: string[] = [];
  let timer = setTimeout(() => abort.abort(), 1500);
  try {
    const response = await fetch(`${url}/v1/tweets/live?since=earliest&when_behind=wait`, {
      signal: abort.signal,
    });
    let rest = "";
    for await (const chunk of response.body ?? []) {
      const lines = (rest + Buffer.from(chunk as Uint8Array).toString()).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const frame = JSON.parse(line) as { tweet?: { text: string } };
        if (frame.tweet !== undefined) texts.push(frame.tweet.text);
      }
      clearTimeout(timer);
      timer = setTimeout(() => abort.abort(), 1500);
      if (texts.length >= enough) break;
    }
  } catch (caught) {
    if (!abort.signal.aborted) throw caught;
  } finally {
    clearTimeout(timer);
    abort.abort();
  }
  return texts;
}

test("a file is published whole and once, whatever restarts", async () => {
  const folder = await mkdtemp(join(tmpdir(), "penstock-file-"));
  try {
    const lines = Array.from({ length: POSTS }, (_, number) =>
      // No ids: only the line says which post is which.
      JSON.stringify({ user_id: `author${number % 7}`, text: `post ${number}` }),
    );
    lines.splice(1000, 0, "{ this is no JSON", JSON.stringify({ user_id: 7, text: "no" }));
    const path = join(folder, "posts.jsonl.gz");
    await writeFile(path, gzipSync(lines.join("\n")));
    const dataDir = join(folder, "data");
    let published = 0;
    let restarts = 0;
    while (published < POSTS && restarts < 50) {
      const server = await serveHere(dataDir, { sources: `file=tweets,${path},4000` });
      published = (await read(server.url, Math.min(POSTS, published + 700))).length;
      await server[Symbol.asyncDispose]();
      restarts += 1;
    }
    assert.ok(restarts > 2, `there were ${restarts} starts`);
    const server = await serveHere(dataDir, { sources: `file=tweets,${path},max` });
    const texts = await read(server.url, POSTS + 1);
    await server[Symbol.asyncDispose]();
    assert.equal(texts.length, POSTS);
    assert.deepEqual(
      new Set(texts),
      new Set(Array.from({ length: POSTS }, (_, number) => `post ${number}`)),
    );
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
});

test("a source that is none stops the start, and says what it may be", async () => {
  const folder = await mkdtemp(join(tmpdir(), "penstock-file-"));
  const wrong: readonly (readonly [string, RegExp])[] = [
    ["kafka=x", /evm=ETH.*file=tweets/],
    ["evm=eth,ws://127.0.0.1:1", /upper case/],
    ["evm=ETH", /node's address/],
    ["evm=ETH,ftp://x", /"ftp:\/\/x" is none/],
    ["evm=ETH,ws://127.0.0.1:1,from=x", /from=17686110/],
    ["file=posts,./x", /must name a stream: tweets/],
    ["file=tweets,./nowhere.jsonl", /no file ".\/nowhere.jsonl"/],
  ];
  try {
    for (const [source, message] of wrong) {
      await assert.rejects(serveHere(join(folder, "data"), { sources: source }), message);
    }
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
});
