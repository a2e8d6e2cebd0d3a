import { styleText } from "node:util";
import type { Command } from "commander";
import type { Config } from "../config/index.ts";
import type { Finding } from "./doctor-configuration.ts";
import { addOptionFlags, configOf, namingFile } from "./flags.ts";
import { targetUrl } from "./target.ts";

/** `penstock doctor`: checks a configuration, and the server that runs, and says what to mend. */
export function addDoctor(program: Command): void {
  addOptionFlags(
    program.command("doctor").description("check the configuration and the running server"),
  ).action(async (given: Record<string, unknown>) => {
    let isWell = true;
    for await (const { ok, what, mend } of examine(given)) {
      const mark = ok ? styleText("green", "ok  ") : styleText("red", "bad ");
      process.stdout.write(`${mark} ${what}${mend === undefined ? "" : `\n     ${mend}`}\n`);
      isWell &&= ok;
    }
    if (!isWell) process.exitCode = 1;
  });
}

async function* examine(given: Record<string, unknown>): AsyncIterable<Finding> {
  yield { ok: true, what: `Node ${process.versions.node}` };
  let config: Config;
  try {
    config = configOf(given, process.env);
  } catch (caught) {
    const mend = caught instanceof Error ? caught.message : String(caught);
    yield { ok: false, what: "the configuration is wrong", mend };
    return;
  }
  yield { ok: true, what: "the configuration can be read" };
  const { configurationFindings } = await import("./doctor-configuration.ts");
  yield* configurationFindings(config, (caught) => namingFile(caught, given, process.env));
  const { host, port } = config.server;
  const isAny = host === "0.0.0.0" || host === "::";
  const name = isAny ? "127.0.0.1" : host.includes(":") ? `[${host}]` : host;
  const ownUrl = `http://${name}:${port === 0 ? 8080 : port}`;
  const { serverFindings } = await import("./doctor-server.ts");
  yield* serverFindings(targetUrl(process.env, ownUrl), ownUrl, config);
}
