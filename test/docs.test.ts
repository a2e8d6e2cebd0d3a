/** What the documents name is there. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { namedOptions } from "../server/src/config/index.ts";
import { sections } from "../server/src/config/sections.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const SERVER = join(ROOT, "server/src");

const foldersOf = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);

/** Every document that people read, by its path from the root. */
const documents = ["", "client", "domains/direct-messages", "docs", "docs/decisions"].flatMap(
  (folder) =>
    readdirSync(join(ROOT, folder))
      .filter((name) => name.endsWith(".md"))
      .map((name) => join(folder, name)),
);

/** A document without its code blocks, which are executed and not named. */
const proseOf = (name: string): string =>
  readFileSync(join(ROOT, name), "utf8").replaceAll(/^```[\s\S]*?^```$/gm, "");

/** Where a path may begin: at the root, in the server, and beside the document. */
const basesOf = (name: string): string[] => [ROOT, SERVER, dirname(join(ROOT, name))];

test("every path that a document names, and every link in it, leads somewhere", () => {
  const wrong: string[] = [];
  let found = 0;
  for (const name of documents) {
    const bases = basesOf(name);
    const roots = new Set(bases.flatMap(foldersOf));
    const paths = [...proseOf(name).matchAll(/`([\w.-]+\/[\w./*-]*)`/g)]
      .map(([, path = ""]) => path.replace(/\*+.*$/, ""))
      .filter((path) => roots.has(path.split("/")[0] ?? ""));
    const links = [...proseOf(name).matchAll(/\]\((?![a-z]+:)([^)#\s]+)/g)].map(
      ([, path = ""]) => path,
    );
    for (const path of [...paths, ...links]) {
      found += 1;
      if (!bases.some((base) => existsSync(join(base, path)))) wrong.push(`${name}: ${path}`);
    }
  }
  assert.deepEqual(wrong, []);
  assert.ok(found > 50, `${found} paths were found`);
});

test("a part of a file that a document names is in it", () => {
  const wrong: string[] = [];
  let found = 0;
  for (const name of documents) {
    for (const [, path = "", part = ""] of proseOf(name).matchAll(/`([\w./-]+\.ts)`: `([^`]+)`/g)) {
      found += 1;
      const file = basesOf(name)
        .map((base) => join(base, path))
        .find((one) => existsSync(one));
      if (file === undefined || !readFileSync(file, "utf8").includes(part))
        wrong.push(`${name}: ${part} in ${path}`);
    }
  }
  assert.deepEqual(wrong, []);
  assert.ok(found > 0);
});

test("every option that a document names is one", () => {
  const known = new Set(namedOptions.map(({ section, yaml }) => `${section}.${yaml}`));
  const names = Object.keys(sections).join("|");
  const wrong: string[] = [];
  for (const name of documents) {
    for (const [, option = ""] of proseOf(name).matchAll(
      new RegExp(`\`((?:${names})\\.[a-z_]+)\``, "g"),
    )) {
      if (!known.has(option) && !existsSync(join(SERVER, option))) wrong.push(`${name}: ${option}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test("every room of the server stands in the architecture's table", () => {
  const table = proseOf("docs/architecture.md");
  for (const room of foldersOf(SERVER)) assert.ok(table.includes(`\`server/src/${room}\``), room);
});

test("every decision has its context, choice and consequence", () => {
  for (const name of documents.filter((one) => one.startsWith("docs/decisions/"))) {
    if (name.endsWith("dependencies.md")) continue;
    const text = proseOf(name);
    for (const part of ["Context", "Choice", "Consequence"])
      assert.match(text, new RegExp(`^(\\*\\*|#+ )${part}`, "m"), name);
  }
});
