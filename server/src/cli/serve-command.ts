import type { Command } from "commander";
import type { Config } from "../config/index.ts";
import type { RunningServer } from "../serve.ts";
import { addOptionFlags, configOf, namingFile } from "./flags.ts";
import { listenError } from "./listen-error.ts";
import { welcome } from "./welcome.ts";

/** `penstock serve`: runs until a signal, which stops it cleanly; a second one makes it quick. */
export function addServe(program: Command): void {
  addOptionFlags(
    program.command("serve").description("run the server, all roles in one process"),
  ).action(async (given: Record<string, unknown>) => {
    outliveOutput();
    const config = configOf(given, process.env);
    const server = await start(config).catch((caught: unknown) => {
      throw namingFile(caught, given, process.env);
    });
    const stopping = firstSignal(server);
    process.stdout.write(welcome(config, server, await server.demoParts()));
    await stopping;
    process.stdout.write("stopping: clients are sent on, and what was accepted is kept\n");
    await server[Symbol.asyncDispose]();
    process.stdout.write("stopped\n");
  });
}

async function start(config: Config): Promise<RunningServer> {
  // Loaded here, as every command loads what it needs: a line of `tail` waits for no server's code.
  const { logWarnings, serve } = await import("../serve.ts");
  logWarnings();
  try {
    return await serve(config);
  } catch (caught) {
    throw (await listenError(caught, config)) ?? caught;
  }
}

/** A server does not end because nobody reads what it says. */
function outliveOutput(): void {
  for (const out of [process.stdout, process.stderr]) {
    out.removeAllListeners("error");
    out.on("error", () => undefined);
  }
}

/** Resolves at the first signal. The second makes the stop quick, and the third ends the process. */
async function firstSignal(server: RunningServer): Promise<void> {
  await new Promise<void>((resolve) => {
    let count = 0;
    const stop = (): void => {
      count += 1;
      if (count === 1) resolve();
      else if (count === 2) server.hurry();
      else process.exit(1);
    };
    process.on("SIGTERM", stop);
    process.on("SIGINT", stop);
  });
}
