import type { Command } from "commander";
import { serve } from "../serve.ts";
import { addOptionFlags, configOf } from "./flags.ts";
import { welcome } from "./welcome.ts";

/** `penstock serve`: runs until a signal; the first stops it cleanly, the second at once. */
export function addServe(program: Command): void {
  addOptionFlags(
    program.command("serve").description("run the server, all roles in one process"),
  ).action(async (given: Record<string, unknown>) => {
    const config = configOf(given, process.env);
    const server = await serve(config);
    process.stdout.write(welcome(config, server));
    await stopSignal();
    process.stdout.write("stopping: clients are sent on, and what was accepted is kept\n");
    await server[Symbol.asyncDispose]();
  });
}

async function stopSignal(): Promise<void> {
  await new Promise<void>((resolve) => {
    let stopping = false;
    const stop = (): void => {
      if (stopping) process.exit(1);
      stopping = true;
      resolve();
    };
    process.on("SIGTERM", stop);
    process.on("SIGINT", stop);
  });
}
