import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { type ErrorCode, PenstockError } from "@penstock-dev/contract";
import type { Log } from "../log.ts";
import type { LogUnderTest } from "./fixture.ts";

const CHILD = fileURLToPath(new URL("./other-process-child.ts", import.meta.url));

export type Request =
  | { readonly id: number; readonly method: string; readonly args: readonly unknown[] }
  | { readonly id: number; readonly abort: true };

export interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: { readonly code: ErrorCode; readonly message: string };
}

/** The same log as another process has it open. */
export interface OtherProcess extends AsyncDisposable {
  readonly pid: number;
  readonly log: Log;
  /** Ends the process as `kill -9` does. */
  kill(): Promise<void>;
}

export async function otherProcess({ fixture, place }: LogUnderTest): Promise<OtherProcess> {
  const child = fork(CHILD, [fixture.module, place], { serialization: "advanced" });
  const pending = new Map<number, PromiseWithResolvers<unknown>>();
  child.on("message", (message) => {
    const { id, result, error } = message as Answer;
    const asked = pending.get(id);
    pending.delete(id);
    if (error === undefined) asked?.resolve(result);
    else asked?.reject(new PenstockError(error.code, error.message));
  });
  const exited = once(child, "exit");
  child.once("exit", () => {
    for (const { reject } of pending.values())
      reject(new PenstockError("storage_unavailable", "The other process has ended."));
  });
  const send = (request: Request): void => {
    // One that has ended answers nothing: those who asked are told when it exits.
    child.send(request, () => undefined);
  };
  await once(child, "message");
  let lastId = 0;
  const ask = async (method: string, args: readonly unknown[], signal?: AbortSignal) => {
    lastId += 1;
    const id = lastId;
    const asked = Promise.withResolvers<unknown>();
    pending.set(id, asked);
    send({ id, method, args });
    signal?.addEventListener("abort", () => send({ id, abort: true }), { once: true });
    return (await asked.promise) as never;
  };
  const log: Log = {
    createTopic: (...args) => ask("createTopic", args),
    topics: (...args) => ask("topics", args),
    describe: (...args) => ask("describe", args),
    append: (...args) => ask("append", args),
    read: (...args) => ask("read", args),
    heads: (...args) => ask("heads", args),
    floors: (...args) => ask("floors", args),
    offsetAt: (...args) => ask("offsetAt", args),
    generationStart: (...args) => ask("generationStart", args),
    waitForMore: (topic, positions, signal) => ask("waitForMore", [topic, positions], signal),
    [Symbol.asyncDispose]: async () => undefined,
  };
  const end = async (signal: "SIGTERM" | "SIGKILL"): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await exited;
  };
  return {
    pid: child.pid ?? 0,
    log,
    kill: () => end("SIGKILL"),
    [Symbol.asyncDispose]: () => end("SIGTERM"),
  };
}
