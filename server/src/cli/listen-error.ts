import { createServer } from "node:net";
import { type Config, ConfigError } from "../config/index.ts";

/** Why an address cannot be listened on; undefined where it can. */
export async function listenCode(host: string, port: number): Promise<string | undefined> {
  const probe = createServer();
  return await new Promise((resolve) => {
    probe.once("error", (caught: NodeJS.ErrnoException) => resolve(caught.code ?? caught.message));
    probe.listen(port, host, () => probe.close(() => resolve(undefined)));
  });
}

/** What Node says of an address that cannot be listened on. */
interface ListenFailure extends NodeJS.ErrnoException {
  readonly address?: string;
  readonly hostname?: string;
  readonly port?: number;
}

/** What to mend where an address cannot be listened on; undefined for any other error. */
export async function listenError(
  caught: unknown,
  { server }: Config,
): Promise<ConfigError | undefined> {
  const { code, syscall, address, hostname, port } = caught as ListenFailure;
  if (syscall !== "listen" && syscall !== "getaddrinfo") return undefined;
  const at = address ?? hostname;
  const isAdmin = server.host === server.adminHost ? port !== server.port : at !== server.host;
  const [host, wanted, flag] = isAdmin
    ? [server.adminHost, server.adminPort, "--admin-port"]
    : [server.host, server.port, "--port"];
  const hostFlag = isAdmin ? "--admin-host" : "--host";
  if (code === "EADDRINUSE") {
    const places = [
      { flag: "--port", host: server.host, port: server.port },
      { flag: "--admin-port", host: server.adminHost, port: server.adminPort },
    ];
    // Only the first that failed is told: whoever mends it must not run into the other one next.
    const taken: string[] = [];
    for (const place of places) {
      if (place.flag !== flag && (await listenCode(place.host, place.port)) !== code) continue;
      taken.push(
        `${place.flag} ${place.port} is in use: another program, perhaps another server, listens on ${place.host}:${place.port}.`,
      );
    }
    const flags = taken.length > 1 ? "--port and --admin-port" : flag;
    return new ConfigError(
      `${taken.join(" ")} Stop it, or choose another with ${flags}; 0 takes a free one.`,
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
