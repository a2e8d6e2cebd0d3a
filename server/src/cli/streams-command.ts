import type { Command } from "commander";
import { logOptions, openEmbeddedLog } from "../log/index.ts";
import { defaultsOf } from "../option.ts";
import { inferStream } from "../streams/index.ts";
import { ask, CommandError, problemText, targetUrl } from "./target.ts";

const SAMPLE_RECORDS = 1000;

/** `penstock streams`: what there is, and what a topic could be. */
export function addStreams(program: Command): void {
  const streams = program.command("streams").description("list streams, or infer one from a topic");
  streams
    .command("list")
    .description("the streams of the running server")
    .action(async () => {
      const response = await ask(`${targetUrl(process.env)}/v1/streams`);
      if (!response.ok) throw new CommandError(await problemText(response));
      const body = (await response.json()) as {
        streams: { name: string; description: string; fields: { name: string }[] }[];
      };
      for (const { name, description, fields } of body.streams) {
        process.stdout.write(
          `${name}: ${description}\n  fields: ${fields.map((field) => field.name).join(", ")}\n`,
        );
      }
    });
  streams
    .command("infer")
    .description("print a declaration for a topic, from its last thousand records")
    .argument("<topic>", "a topic of the embedded log")
    .option("--data-dir <path>", "where the log lies", "./data")
    .action(async (topic: string, { dataDir }: { dataDir: string }) => {
      await using log = await openEmbeddedLog({
        dataDir,
        options: defaultsOf(logOptions),
        now: Date.now,
      });
      const heads = await log.heads(topic);
      const records = [];
      for (const [partition, head] of heads.entries()) {
        const floor = (await log.floors(topic))[partition] ?? 0;
        const from = Math.max(floor, head - Math.ceil(SAMPLE_RECORDS / heads.length));
        records.push(
          ...(
            await log.read(topic, partition, from, {
              recordsMax: SAMPLE_RECORDS,
              bytesMax: 64 * 1024 * 1024,
            })
          ).records,
        );
      }
      if (records.length === 0)
        throw new CommandError(`the topic ${topic} has no records to infer from`);
      process.stdout.write(inferStream(topic, records));
    });
}
