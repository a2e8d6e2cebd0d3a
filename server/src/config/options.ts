import { boolean, integer, list, text } from "../option.ts";

/** The options that belong to no room. */
export const serverOptions = {
  dataDir: text("./data", "Where the log, the archive and the sessions lie."),
  host: text("127.0.0.1", "Loopback: an open server is for its own machine."),
  port: integer(8080, "The port that examples use; 0 takes a free one.", {
    min: "0",
    max: "65535",
  }),
  adminHost: text("127.0.0.1", "Metrics and administration are nobody else's."),
  adminPort: integer(9464, "Where Prometheus looks for exporters; 0 takes a free one.", {
    min: "0",
    max: "65535",
  }),
  workers: integer(
    0,
    "Processes that serve clients on the one port; 0 serves them in the process that does all else.",
    { min: "0", max: "256" },
  ),
  open: boolean(
    false,
    "Without credentials, a server that listens beyond loopback must say that it means it.",
  ),
  demo: boolean(false, "A seeded world flows: posts, and two chains with reorganisations."),
  demoSeed: integer(1, "The same seed gives the same world.", { min: "0" }),
  logLevel: text("info", "Everything an operator acts on.", [
    "debug",
    "info",
    "warn",
    "error",
    "silent",
  ]),
  sources: list(
    [],
    "Where events come from besides HTTP: evm=ETH,ws://127.0.0.1:8545 or file=tweets,./tweets.jsonl.gz,max.",
    { separator: ";" },
  ),
  domains: list([], "Packages, or paths, of domains besides those that ship."),
} as const;
