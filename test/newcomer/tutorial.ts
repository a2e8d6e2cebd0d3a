/**
 * A document's code blocks, executed in order as a reader would: commands in a folder that looks like
 * the repository, servers and followers beside them, ports apart as they stand in the text.
 *
 * A `sh` block is commands, a line each. A `text` block behind it is what its last command says, `…`
 * standing for what differs. Another block is a file, named by the comment on its first line, or, of
 * TypeScript without a name, a program that runs.
 */
import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "./command.ts";
import { ROOT } from "./served.ts";

/** A block of a document, under its last heading. */
export interface Block {
  readonly heading: string;
  readonly language: string;
  readonly text: string;
}

/** The fenced blocks of a document. */
export function blocksOf(markdown: string): Block[] {
  const blocks: Block[] = [];
  let heading = "";
  const parts = /^#+ (?<heading>.+)$|^```(?<language>\w*)\n(?<text>[\s\S]*?)^```$/gm;
  for (const { groups } of markdown.matchAll(parts)) {
    if (groups?.heading !== undefined) heading = groups.heading;
    else blocks.push({ heading, language: groups?.language ?? "", text: groups?.text ?? "" });
  }
  return blocks;
}

/** What stays of the repository's root outside the reader's folder: the reader makes it. */
const OWN = new Set(["data", "penstock.yaml", ".git"]);
const SERVER = /^(npm start|npx penstock serve)\b/;
const LOGGED_ERROR = /^\{"level":(?:[5-9]\d|"(?:error|fatal)")/;
const NODE = /^npx anvil\b/;
const FOLLOWER = /^(curl -N|npx penstock tail|npx node)\b/;

/** Runs blocks; what it started ends with it. */
export class Tutorial implements AsyncDisposable {
  readonly #folder: string;
  /** Ports that the text has, and those in place of them. */
  readonly #ports: ReadonlyMap<string, string>;
  #server: Command | undefined;
  #node: Command | undefined;
  #programs = 0;

  private constructor(folder: string, ports: ReadonlyMap<string, string>) {
    this.#folder = folder;
    this.#ports = ports;
  }

  static async open(): Promise<Tutorial> {
    const folder = await mkdtemp(join(tmpdir(), "penstock-tutorial-"));
    for (const name of await readdir(ROOT)) {
      if (!OWN.has(name)) await symlink(join(ROOT, name), join(folder, name));
    }
    const ports = new Map<string, string>();
    for (const port of ["8080", "9464", "8545"]) ports.set(port, String(await freePort()));
    return new Tutorial(folder, ports);
  }

  /** Runs a block. @param expected the `text` block behind it */
  async run({ language, text }: Block, expected: string | undefined): Promise<void> {
    const own = this.#substituted(text);
    const named = /^(?:\/\/|#) (\S+\.\w+)\n/.exec(own)?.[1];
    if (named !== undefined) {
      await writeFile(join(this.#folder, named), own);
    } else if (language === "ts") {
      this.#programs += 1;
      const name = `program-${this.#programs}.ts`;
      await writeFile(join(this.#folder, name), own);
      await this.#follow(`npx node ${name}`, expected);
    } else {
      assert.equal(language, "sh", `a block of ${language} is neither named nor run:\n${text}`);
      const lines = own.split("\n").filter((line) => line !== "");
      for (const [at, line] of lines.entries())
        await this.#command(line, at === lines.length - 1 ? expected : undefined);
    }
  }

  async #command(line: string, expected: string | undefined): Promise<void> {
    // Whoever runs this has installed already.
    const command = line.replace(/^npm ci && /, "");
    if (SERVER.test(command)) {
      await this.#stop();
      this.#server = this.#start(command);
      await this.#server.until(({ lines }) => lines.some((told) => /Penstock serves /.test(told)));
    } else if (NODE.test(command)) {
      this.#node = this.#start(command);
      await this.#node.until(({ lines }) => lines.some((told) => /^Listening on /.test(told)));
    } else if (FOLLOWER.test(command)) {
      await this.#follow(command, expected);
    } else {
      await using running = this.#start(command);
      const code = await running.ended();
      const said = [...running.lines, ...running.told].join("\n");
      assert.equal(code, 0, `${command}\n${said}`);
      if (expected !== undefined) assert.ok(holds(running.lines, expected), `${command}\n${said}`);
    }
  }

  /** Follows until what is expected was said, or anything. */
  async #follow(command: string, expected: string | undefined): Promise<void> {
    await using running = this.#start(command);
    await running.until(({ lines }) =>
      expected === undefined ? lines.length > 0 : holds(lines, expected),
    );
  }

  #start(command: string): Command {
    const [port = "", adminPort = ""] = [this.#ports.get("8080"), this.#ports.get("9464")];
    const env = {
      PENSTOCK_URL: `http://127.0.0.1:${port}`,
      PENSTOCK_PORT: port,
      PENSTOCK_ADMIN_PORT: adminPort,
      PENSTOCK_DELIVER_DRAIN: "0ms",
    };
    return Command.run("bash", ["-c", command], env, this.#folder);
  }

  #substituted(text: string): string {
    return text.replaceAll(
      /(?<=127\.0\.0\.1:|--port )\d+/g,
      (port) => this.#ports.get(port) ?? port,
    );
  }

  /** Stops the server. @throws AssertionError where it logged an error: a tutorial leads into none */
  async #stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    await server?.[Symbol.asyncDispose]();
    const errors = (server?.told ?? []).filter((line) => LOGGED_ERROR.test(line));
    assert.deepEqual(errors, []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#stop();
    } finally {
      await this.#node?.[Symbol.asyncDispose]();
      await rm(this.#folder, { recursive: true, force: true });
    }
  }
}

/** Whether lines were said that are as expected, in this order. */
function holds(lines: readonly string[], expected: string): boolean {
  const patterns = expected
    .trim()
    .split("\n")
    .map((line) => new RegExp(`^${line.split("…").map(escaped).join(".*")}$`));
  let at = 0;
  for (const line of lines) if (patterns[at]?.test(line) === true) at += 1;
  return at === patterns.length;
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port could be had");
  return address.port;
}
