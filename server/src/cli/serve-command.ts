import type { Command } from "commander";
import { type Config, ConfigError } from "../config/index.ts";
import type { RunningServer } from "../serve.ts";
import { addOptionFlags, configOf } from "./flags.ts";
import { welcome } from "./welcome.ts";

/** `penstock serve`: runs until a signal, which stops it cleanly; a second one makes it quick. */
export function addServe(program: Command): void {
  addOptionFlags(
    program.command("serve").description("run the server, all roles in one process"),
  ).action(async (given: Record<string, unknown>) => {
    outliveOutput();
    const config = configOf(given, process.env);
    const server = await start(config);
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
    throw listenError(caught, config) ?? caught;
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

/** What Node says of an address that cannot be listened on. */
interface ListenFailure extends NodeJS.ErrnoException {
  readonly address?: string;
  readonly hostname?: string;
  readonly port?: number;
}

/** What to mend where an address cannot be listened on; undefined for any other error. */
function listenError(caught: unknown, { server }: Config): ConfigError | undefined {
  const { code, syscall, address, hostname, port } = caught as ListenFailure;
  if (syscall !== "listen" && syscall !== "getaddrinfo") return undefined;
  const at = address ?? hostname;
  const isAdmin = server.host === server.adminHost ? port !== server.port : at !== server.host;
  const [host, wanted, flag] = isAdmin
    ? [server.adminHost, server.adminPort, "--admin-port"]
    : [server.host, server.port, "--port"];
  const hostFlag = isAdmin ? "--admin-host" : "--host";
  if (code === "EADDRINUSE") {
    return new ConfigError(
      `${flag} ${wanted} is in use: another program, perhaps another server, listens on ${host}:${wanted}. Stop it, or choose another with ${flag}; 0 takes a free one.`,
    );
  }
  if (code === "EACCES") {
    return new ConfigError(
      `${flag} ${wanted} may not be listened on by this user. Choose one above 1023.`,
    );
  }
  return new ConfigError(
    `${hostFlag} ${host} is no address of this machine (${code}). Listen on one that is, such as 127.0.0.1.`,
  );
}
