/** A user of the program: runs its commands in a folder of their own, against a server of a test's. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { TestServer } from "../transports/test-server.ts";

const PROGRAM = fileURLToPath(new URL("../../server/bin/penstock.js", import.meta.url));

/** What a command said, and how it ended. */
export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A command that runs. */
export class Command {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  out = "";
  err = "";

  constructor(args: readonly string[], env: NodeJS.ProcessEnv, cwd: string, uid?: number) {
    this.child = spawn(process.execPath, [PROGRAM, ...args], {
      cwd,
      env: { PATH: process.env.PATH, NO_COLOR: "1", ...env },
      stdio: ["pipe", "pipe", "pipe"],
      ...(uid === undefined ? {} : { uid }),
    });
    this.child.stdout?.on("data", (chunk) => (this.out += String(chunk)));
    this.child.stderr?.on("data", (chunk) => (this.err += String(chunk)));
    this.child.stdin?.on("error", () => undefined);
    this.ended = once(this.child, "close").then(([code]) => ({
      code: code as number | null,
      out: this.out,
      err: this.err,
    }));
  }

  /** Resolves once it has said something; rejects where it ends first. */
  async says(what: RegExp): Promise<void> {
    while (!what.test(this.out + this.err)) {
      const isOver = this.child.exitCode !== null || this.child.signalCode !== null;
      if (isOver) throw new Error(`it ended: ${this.out}${this.err}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

/** A user with a folder and a server of their own. */
export class User implements AsyncDisposable {
  readonly folder: string;
  readonly server: TestServer;

  private constructor(folder: string, server: TestServer) {
    this.folder = folder;
    this.server = server;
  }

  static async create(): Promise<User> {
    const folder = await mkdtemp(join(tmpdir(), "penstock-cli-"));
    return new User(folder, await TestServer.start());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  readonly start = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Command =>
    new Command(args, { PENSTOCK_URL: this.server.url, ...env }, this.folder);

  readonly run = async (
    args: readonly string[],
    { input = "", env = {} }: { input?: string | Uint8Array; env?: NodeJS.ProcessEnv } = {},
  ): Promise<Ended> => {
    const command = this.start(args, env);
    command.child.stdin?.end(input);
    return await command.ended;
  };

  /** It ends with 1, and says what a person can act on: no stack. */
  readonly refuses = async (
    args: readonly string[],
    message: RegExp,
    env: NodeJS.ProcessEnv = {},
  ): Promise<void> => {
    const { code, out, err } = await this.run(args, { env });
    assert.match(err, message, args.join(" "));
    assert.equal(code, 1, args.join(" "));
    assert.doesNotMatch(err, /^ +at /m, args.join(" "));
    assert.equal(out, "", args.join(" "));
  };

  readonly file = async (name: string, content: string | Uint8Array): Promise<string> => {
    const path = join(this.folder, name);
    await writeFile(path, content);
    return path;
  };
}

/** So many posts of an author, one a line. */
export const posts = (count: number, author: string): string =>
  Array.from(
    { length: count },
    (_, at) => `${JSON.stringify({ user_id: author, text: `number ${at}` })}\n`,
  ).join("");
