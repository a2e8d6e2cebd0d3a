import { boolean, integer, list, text } from "../option.ts";

/** The options that belong to no room. */
export const serverOptions = {
  dataDir: text(
    "./data",
    "The folder of the log, the archive and the sessions.",
    "Beside whoever starts it: nothing has to be set up.",
  ),
  host: text(
    "127.0.0.1",
    "The address that clients and publishers are listened to on.",
    "Loopback: an open server is for its own machine.",
  ),
  port: integer(
    8080,
    "The port for clients and publishers; 0 takes a free one.",
    "The one that all examples use.",
    {
      min: "0",
      max: "65535",
    },
  ),
  adminHost: text(
    "127.0.0.1",
    "The address that metrics and health are served on.",
    "Loopback: they are nobody else's.",
  ),
  adminPort: integer(
    9464,
    "The port of metrics and health; 0 takes a free one.",
    "In the range that exporters for Prometheus use.",
    {
      min: "0",
      max: "65535",
    },
  ),
  workers: integer(
    0,
    "Processes that serve clients on the one port, beside the one that does all else.",
    "0: the one process serves them too, and nothing passes between processes.",
    { min: "0", max: "256" },
  ),
  open: boolean(
    false,
    "Lets everyone who reaches a host beyond loopback read and write.",
    "A server without credentials must say that it means it.",
  ),
  demo: boolean(
    false,
    "Plays a demonstration world: posts, and two chains with reorganisations.",
    "What is invented does not belong among real events unasked.",
  ),
  demoSeed: integer(
    1,
    "What the demonstration world's dice begin with.",
    "Any number will do, and the same one gives the same world.",
    { min: "0" },
  ),
  logLevel: text(
    "info",
    "The least that is logged: debug, info, warn, error, or silent for nothing.",
    "At info it is all that an operator acts on.",
    ["debug", "info", "warn", "error", "silent"],
  ),
  sources: list(
    [],
    "Where events come from besides HTTP: evm=ETH,ws://127.0.0.1:8545 follows a chain's node, file=tweets,./tweets.jsonl.gz,max plays a file.",
    "Publishing needs none.",
    { separator: ";" },
  ),
  domains: list(
    [],
    "Packages, or paths, of domains besides tweets and chain-events.",
    "Those two ship.",
  ),
} as const;
