import { constants } from "node:fs";
import { access, mkdir } from "node:fs/promises";
import { createServer } from "node:net";
import { styleText } from "node:util";
import type { Command } from "commander";
import type { Config } from "../config/index.ts";
import { addOptionFlags, configOf } from "./flags.ts";
import { targetUrl } from "./target.ts";

/** What one check found, and what would mend it. */
interface Finding {
  readonly ok: boolean;
  readonly what: string;
  readonly mend?: string;
}

/** `penstock doctor`: checks a configuration, and the server that runs, and says what to mend. */
export function addDoctor(program: Command): void {
  addOptionFlags(
    program.command("doctor").description("check the configuration and the running server"),
  ).action(async (given: Record<string, unknown>) => {
    const findings = await examine(given);
    for (const { ok, what, mend } of findings) {
      const mark = ok ? styleText("green", "ok  ") : styleText("red", "bad ");
      process.stdout.write(`${mark} ${what}${mend === undefined ? "" : `\n     ${mend}`}\n`);
    }
    if (findings.some(({ ok }) => !ok)) process.exitCode = 1;
  });
}

async function examine(given: Record<string, unknown>): Promise<readonly Finding[]> {
  const findings: Finding[] = [{ ok: true, what: `Node ${process.versions.node}` }];
  let config: Config;
  try {
    config = configOf(given, process.env);
    findings.push({ ok: true, what: "the configuration can be read" });
  } catch (caught) {
    return [
      ...findings,
      {
        ok: false,
        what: "the configuration is wrong",
        mend: caught instanceof Error ? caught.message : String(caught),
      },
    ];
  }
  const { server } = config;
  findings.push(await dataDirFinding(server.dataDir));
  const health = await serverFinding(targetUrl(process.env));
  findings.push(health);
  if (!health.ok) {
    findings.push(await portFinding(server.host, server.port, "--port"));
    findings.push(await portFinding(server.adminHost, server.adminPort, "--admin-port"));
  }
  return findings;
}

async function dataDirFinding(dataDir: string): Promise<Finding> {
  try {
    await mkdir(dataDir, { recursive: true });
    await access(dataDir, constants.R_OK | constants.W_OK);
    return { ok: true, what: `${dataDir} can be written` };
  } catch (caught) {
    return {
      ok: false,
      what: `${dataDir} cannot be written (${caught instanceof Error ? caught.message : String(caught)})`,
      mend: "Make it yours, or choose another with --data-dir.",
    };
  }
}

async function serverFinding(url: string): Promise<Finding> {
  try {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(3000) });
    const body = await response.text();
    if (response.ok && body.includes("ready"))
      return { ok: true, what: `a server is ready at ${url}` };
    return {
      ok: false,
      what: `${url} answers ${response.status} at /readyz`,
      mend: "Wait, look at its log, or say where the server is with PENSTOCK_URL.",
    };
  } catch {
    return {
      ok: false,
      what: `no server answers at ${url}`,
      mend: "Start one with `npm start`, or say where one is with PENSTOCK_URL.",
    };
  }
}

async function portFinding(host: string, port: number, flag: string): Promise<Finding> {
  const probe = createServer();
  return await new Promise((resolve) => {
    probe.once("error", (caught: NodeJS.ErrnoException) =>
      resolve({
        ok: false,
        what: `${host}:${port} cannot be had (${caught.code})`,
        mend: `Stop what holds it, or choose another with ${flag}.`,
      }),
    );
    probe.listen(port, host, () =>
      probe.close(() => resolve({ ok: true, what: `${host}:${port} is free` })),
    );
  });
}
