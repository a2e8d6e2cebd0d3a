import { constants, existsSync } from "node:fs";
import { access, stat, statfs } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { Config } from "../config/index.ts";
import { checkExposure, checkSources, dataDirHolder, dialNodes, loadDomains } from "../serve.ts";
import { loadStreams } from "../streams/index.ts";

/** What one check found, and what would mend it. */
export interface Finding {
  readonly ok: boolean;
  readonly what: string;
  readonly mend?: string;
}

/** Below this a busy server has minutes left, not hours. */
const FREE_BYTES_MIN = 1024 ** 3;

/** A node that is well answers this question within milliseconds, wherever it is within a second. */
const NODE_TIMEOUT_MS = 5000;

/**
 * What a start with a configuration would find, without starting anything.
 *
 * @param named an error with the file that it is in
 */
export async function* configurationFindings(
  config: Config,
  named: (caught: unknown) => unknown,
): AsyncIterable<Finding> {
  const { server } = config;
  yield await checked(`it listens on ${server.host}`, "the server may not listen there", () =>
    checkExposure(config),
  );
  let streams: ReturnType<typeof loadStreams> | undefined;
  yield await checked(
    () => `it serves ${[...(streams?.keys() ?? [])].join(", ")}`,
    "its streams cannot be served",
    async () => {
      const domains = await loadDomains(server.domains);
      try {
        streams = loadStreams(config.streams, domains, config.topics.partitions);
      } catch (caught) {
        throw named(caught);
      }
    },
  );
  const { sources } = server;
  if (streams !== undefined && sources.length > 0) {
    const known = streams;
    const read = await checked("its sources are well-formed", "a source is wrong", () =>
      checkSources(sources, known),
    );
    yield read;
    if (read.ok) yield* nodeFindings(sources, known);
  }
  yield* dataDirFindings(server.dataDir);
}

/** Whether the nodes of the sources answer. */
async function* nodeFindings(
  sources: readonly string[],
  streams: ReturnType<typeof loadStreams>,
): AsyncIterable<Finding> {
  for await (const { chain, node, answer } of dialNodes(sources, streams, NODE_TIMEOUT_MS)) {
    if ("chainId" in answer) {
      yield { ok: true, what: `${chain} can be followed at ${node} (chain id ${answer.chainId})` };
    } else {
      const what = `${chain} cannot be followed at ${node} (${answer.wrong})`;
      const mend =
        "Start the node, or name another in --source: it is tried again until it answers.";
      yield { ok: false, what, mend };
    }
  }
}

async function checked(
  well: string | (() => string),
  bad: string,
  check: () => void | Promise<void>,
): Promise<Finding> {
  try {
    await check();
    return { ok: true, what: typeof well === "string" ? well : well() };
  } catch (caught) {
    return {
      ok: false,
      what: bad,
      mend: caught instanceof Error ? caught.message : String(caught),
    };
  }
}

async function* dataDirFindings(dataDir: string): AsyncIterable<Finding> {
  const path = resolve(dataDir);
  let existing = path;
  while (!existsSync(existing)) existing = dirname(existing);
  try {
    if (!(await stat(existing)).isDirectory()) throw new Error(`${existing} is a file`);
    await access(existing, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (caught) {
    yield {
      ok: false,
      what: `${dataDir} cannot be written (${caught instanceof Error ? caught.message : String(caught)})`,
      mend: "Make it a folder that this user may write, or choose another with --data-dir.",
    };
    return;
  }
  const holder = existing === path ? await dataDirHolder(path) : undefined;
  if (existing !== path) yield { ok: true, what: `${dataDir} can be made` };
  else if (holder === undefined) yield { ok: true, what: `${dataDir} can be written` };
  else yield { ok: true, what: `${dataDir} is used by the server of process ${holder}` };
  const { bavail, bsize } = await statfs(existing);
  const freeBytes = bavail * bsize;
  const free = `${(freeBytes / 1024 ** 3).toFixed(1)} GiB are free for it`;
  if (freeBytes >= FREE_BYTES_MIN) yield { ok: true, what: free };
  else {
    const mend = "Make room, or keep less: --log-retention, --store-archive-retention.";
    yield { ok: false, what: free, mend };
  }
}
