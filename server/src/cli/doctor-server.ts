import type { Config } from "../config/index.ts";
import type { Finding } from "./doctor-configuration.ts";
import { listenCode } from "./listen-error.ts";
import { causeText } from "./target.ts";

const ANSWER_TIMEOUT_MS = 3000;
/** Records that a reader may be behind while everything is well: some seconds of a busy stream. */
const LAG_RECORDS_MAX = 10_000;

/**
 * What a running server says of itself; where none runs, whether one could.
 *
 * @param url where commands look for a server
 * @param ownUrl where one with this configuration listens
 */
export async function* serverFindings(
  url: string,
  ownUrl: string,
  config: Config,
): AsyncIterable<Finding> {
  const { adminHost, adminPort } = config.server;
  let ready: Response;
  try {
    ready = await get(`${url}/readyz`);
  } catch (caught) {
    yield* absenceFindings(url, ownUrl, causeText(caught), config);
    return;
  }
  const health = healthFinding(url, ready.status, await ready.text());
  yield health;
  if (!health.ok) return;
  yield* streamFindings(url, config);
  if (adminPort !== 0) yield* metricsFindings(adminHost, adminPort);
}

/** What stands in the way of a server, where none answers. */
async function* absenceFindings(
  url: string,
  ownUrl: string,
  reason: string,
  config: Config,
): AsyncIterable<Finding> {
  const what = `no server answers at ${url} (${reason})`;
  if (url !== ownUrl && (await isPenstock(ownUrl))) {
    const mend = `There is one at ${ownUrl}: unset PENSTOCK_URL, which names the other, or let it name this one.`;
    yield { ok: false, what, mend };
    return;
  }
  const mend = "Start one with `npm start`, or say where one is with PENSTOCK_URL.";
  yield { ok: false, what, mend };
  const { host, port, adminHost, adminPort } = config.server;
  yield await portFinding(host, port, "--port");
  yield await portFinding(adminHost, adminPort, "--admin-port");
}

/** Whether a server of ours answers there, ready or not. */
async function isPenstock(url: string): Promise<boolean> {
  try {
    const response = await get(`${url}/readyz`);
    const body = await response.text();
    return isJson(body, "ready") || isJson(body, "overloaded");
  } catch {
    return false;
  }
}

function healthFinding(url: string, status: number, body: string): Finding {
  if (status === 200 && isJson(body, "ready"))
    return { ok: true, what: `a server is ready at ${url}` };
  if (isJson(body, "overloaded")) {
    const mend = "It starts, or stops: wait, and look at its log.";
    return { ok: false, what: `the server at ${url} is not ready`, mend };
  }
  return {
    ok: false,
    what: `what answers at ${url} is no Penstock (${status} at /readyz)`,
    mend: "Say where the server is with PENSTOCK_URL, or give it a port of its own with --port.",
  };
}

/** Whether a text is JSON whose `status` or `code` is a word. */
function isJson(body: string, word: string): boolean {
  try {
    const { status, code } = JSON.parse(body) as Readonly<Record<string, unknown>>;
    return status === word || code === word;
  } catch {
    return false;
  }
}

/** Whether the server serves what the configuration says: it reads it once, when it starts. */
async function* streamFindings(url: string, config: Config): AsyncIterable<Finding> {
  if (typeof config.streams !== "object" || config.streams === null) return;
  const body = (await (await get(`${url}/v1/streams`)).json()) as {
    readonly streams?: readonly { readonly name: string }[];
  };
  const served = new Set(body.streams?.map(({ name }) => name));
  const missing = Object.keys(config.streams).filter((name) => !served.has(name));
  if (missing.length === 0) yield { ok: true, what: `it serves ${[...served].join(", ")}` };
  else {
    const mend = "Start it anew, with this configuration.";
    yield { ok: false, what: `it does not serve ${missing.join(", ")}`, mend };
  }
}

async function* metricsFindings(host: string, port: number): AsyncIterable<Finding> {
  const url = `http://${host.includes(":") ? `[${host}]` : host}:${port}/metrics`;
  let text: string;
  try {
    text = await (await get(url)).text();
  } catch (caught) {
    yield {
      ok: false,
      what: `its metrics cannot be read at ${url} (${causeText(caught)})`,
      mend: "Say where they are with --admin-host and --admin-port.",
    };
    return;
  }
  const skips = metric(text, "penstock_silent_skips_total");
  if (skips === 0) yield { ok: true, what: "no position moved past an event in silence" };
  else {
    const mend = "This is an error of Penstock's own: report it, with the server's log.";
    yield { ok: false, what: `${skips} positions moved past an event in silence`, mend };
  }
  const lag = metric(text, "penstock_log_lag_records");
  if (lag <= LAG_RECORDS_MAX)
    yield { ok: true, what: `${lag} records of the log are yet to be read` };
  else {
    const mend = "Look again: where this grows, the machine is too small for what is published.";
    yield { ok: false, what: `${lag} records of the log are yet to be read`, mend };
  }
  for (const [labels, isUp] of samples(text, "penstock_source_up")) {
    const source = labels.get("source");
    const mend = "Its log says since when, and why: start the node, or name another in --source.";
    if (isUp === 1) yield { ok: true, what: `its source ${source} follows a node` };
    else yield { ok: false, what: `its source ${source} has no node that can be used`, mend };
  }
  const dead = metric(text, "penstock_dead_letters_total");
  if (dead > 0) {
    const mend = "Its log says of each what is wrong; whoever publishes them has to mend it.";
    yield { ok: false, what: `${dead} records could not be processed`, mend };
  }
  const unread = metric(text, "penstock_unreadable_records_total");
  if (unread > 0) {
    const mend = "Its log says of each stream what is wrong, and at which position.";
    yield { ok: false, what: `${unread} records are no events, and were passed over`, mend };
  }
  for (const [labels, count] of samples(text, "penstock_domain_failures_total")) {
    const where = `${labels.get("stream")}: the domain's ${labels.get("member")}`;
    const mend = "Its log says at which position, and what was thrown: mend the domain.";
    yield { ok: false, what: `${where} failed ${count} times`, mend };
  }
}

/** A metric's values, added up over its labels. */
function metric(text: string, name: string): number {
  let total = 0;
  for (const [, value] of samples(text, name)) total += value;
  return total;
}

/** A metric's values, each with its labels. */
function* samples(
  text: string,
  name: string,
): Iterable<readonly [labels: ReadonlyMap<string, string>, value: number]> {
  for (const line of text.split("\n")) {
    if (!line.startsWith(`${name} `) && !line.startsWith(`${name}{`)) continue;
    const labels = [...line.matchAll(/([a-z_]+)="([^"]*)"/g)].map(
      ([, label = "", value = ""]) => [label, value] as const,
    );
    yield [new Map(labels), Number(line.slice(line.lastIndexOf(" ") + 1))];
  }
}

async function get(url: string): Promise<Response> {
  return await fetch(url, { signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
}

async function portFinding(host: string, port: number, flag: string): Promise<Finding> {
  const code = await listenCode(host, port);
  if (code === undefined) return { ok: true, what: `${host}:${port} is free` };
  return {
    ok: false,
    what: `${host}:${port} cannot be had (${code})`,
    mend: `Stop what holds it, or choose another with ${flag}.`,
  };
}
