import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const SERVER = fileURLToPath(new URL("../server/src", import.meta.url));

/** Which room may import which others, besides contract: the table of docs/architecture.md. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  log: [],
  streams: ["log"],
  ingest: ["streams", "log", "access"],
  process: ["streams", "log"],
  filter: ["streams"],
  store: ["log", "streams", "filter"],
  access: [],
  deliver: ["log", "streams", "filter", "access"],
  transports: ["deliver", "access"],
  api: ["deliver", "ingest", "store", "streams", "access", "filter"],
  observe: [],
  cli: ["config", "log", "streams", "ingest"],
};

/** `options.ts` of every room, and nothing else of it, is what config may import. */
const ROOMS = [...Object.keys(MAY_IMPORT), "config"];

/** What every room may import: what an option is, what lies on disk, and bytes that grow. */
const SHARED = ["option.ts", "disk-database.ts", "retention-clock.ts", "growing-bytes.ts"].map(
  (name) => join(SERVER, name),
);

function sources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(folder, name));
}

const roomOf = (path: string): string | undefined => {
  const first = relative(SERVER, path).split("/")[0] ?? "";
  return ROOMS.includes(first) ? first : undefined;
};

test("each room imports only the rooms that the table allows, and only their doors", () => {
  const wrong: string[] = [];
  for (const path of sources(SERVER)) {
    const from = roomOf(path);
    if (from === undefined) continue;
    const isTest = path.endsWith(".test.ts");
    for (const [, target = ""] of readFileSync(path, "utf8").matchAll(
      /(?:from|import\()\s*"(\.[^"]+)"/g,
    )) {
      const resolved = resolve(dirname(path), target);
      const to = roomOf(resolved);
      if (to === from || SHARED.includes(resolved)) continue;
      const door = to !== undefined && resolved === join(SERVER, to, "index.ts");
      const options = from === "config" && resolved.endsWith("/options.ts");
      const wiring = from === "cli" && resolved === join(SERVER, "serve.ts");
      if (options || wiring || isTest) continue;
      if (to === undefined || !door || !MAY_IMPORT[from]?.includes(to)) {
        wrong.push(`${relative(SERVER, path)} imports ${target}`);
      }
    }
  }
  assert.deepEqual(wrong, []);
});
