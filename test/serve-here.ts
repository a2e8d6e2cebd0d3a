import { loadConfig } from "../server/src/config/index.ts";
import { type RunningServer, serve } from "../server/src/serve.ts";

/** Starts a server in this process, on free ports, that says nothing and stops without a drain. */
export async function serveHere(
  dataDir: string,
  flags: Readonly<Record<string, string>> = {},
  yaml?: string,
): Promise<RunningServer> {
  const given = {
    "data-dir": dataDir,
    port: "0",
    "admin-port": "0",
    "log-level": "silent",
    "deliver-drain": "0ms",
    ...flags,
  };
  return await serve(loadConfig({ flags: given, env: {}, yaml, yamlName: "penstock.yaml" }));
}
