import { readFileSync } from "node:fs";
import { PenstockError } from "@penstock-dev/contract";
import { Command } from "commander";
import { ConfigError } from "../config/index.ts";
import { addDoctor } from "./doctor-command.ts";
import { WIDTH_MAX } from "./flags.ts";
import { addPublish } from "./publish-command.ts";
import { addServe } from "./serve-command.ts";
import { addStreams } from "./streams-command.ts";
import { addTail } from "./tail-command.ts";
import { CommandError } from "./target.ts";

const { version } = JSON.parse(
  readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
) as { readonly version: string };

const program = new Command("penstock")
  .description("Streams of events, filtered, to everyone who follows them.")
  .version(version)
  .showSuggestionAfterError(true)
  .configureOutput({
    getOutHelpWidth: () => Math.min(WIDTH_MAX, process.stdout.columns ?? WIDTH_MAX),
    getErrHelpWidth: () => Math.min(WIDTH_MAX, process.stderr.columns ?? WIDTH_MAX),
  })
  .addHelpText(
    "after",
    "\nCommands that talk to a server take its address from PENSTOCK_URL, http://127.0.0.1:8080 unless told.",
  );
addServe(program);
addTail(program);
addPublish(program);
addStreams(program);
addDoctor(program);

// A reader that has enough closes the pipe: that is an end, and no error.
process.stdout.on("error", (caught: NodeJS.ErrnoException) => {
  if (caught.code === "EPIPE") process.exit(0);
  throw caught;
});
// What nobody reads need not be said.
process.stderr.on("error", () => undefined);

try {
  await program.parseAsync();
} catch (caught) {
  const told =
    caught instanceof ConfigError ||
    caught instanceof CommandError ||
    caught instanceof PenstockError;
  const message = caught instanceof Error ? caught.message : String(caught);
  process.stderr.write(`penstock: ${message}\n`);
  if (!told || process.env.PENSTOCK_DEBUG !== undefined)
    process.stderr.write(`${caught instanceof Error ? caught.stack : ""}\n`);
  process.exit(1);
}
process.exit(process.exitCode ?? 0);
