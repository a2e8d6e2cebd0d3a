import { type Delivery, LAG_BOUNDS_MS } from "./deliver/index.ts";
import type { Ingester } from "./ingest/index.ts";
import type { Log } from "./log/index.ts";
import type { MetricSample } from "./observe/index.ts";
import type { Background } from "./roles/background.ts";
import type { Base } from "./roles/base.ts";
import type { Surface } from "./roles/surface.ts";
import type { StartedSources } from "./sources.ts";

type Values = MetricSample["values"];
type Fanout = Delivery["fanouts"] extends Iterable<infer F> ? F : never;

/** Totals of the roles that run once in a server. @param workerRestarts workers that were replaced */
export async function backgroundMetrics(
  { processors, deadLetters }: Background,
  { streams }: Base,
  workerRestarts: number,
): Promise<readonly MetricSample[]> {
  const dead = new Map([...streams.keys()].map((name) => [name, 0]));
  for (const [name, count] of deadLetters) dead.set(name, count);
  const lags: { labels: Record<string, string>; value: number }[] = [];
  for (const processor of processors) {
    const lag = await processor.lag();
    lags.push({
      labels: { stream: processor.stream, reader: "process" },
      value: lag.reduce((total, one) => total + one, 0),
    });
  }
  return [
    logLag(lags),
    counter(
      "penstock_dead_letters_total",
      "Raw records that could not be processed.",
      labelled("stream", dead),
    ),
    counter("penstock_worker_restarts_total", "Workers that died and were replaced.", [
      { labels: {}, value: workerRestarts },
    ]),
  ];
}

/** What the streams' domains failed in, in this process. */
export function domainMetrics({ streams }: Base): readonly MetricSample[] {
  const values: { labels: Record<string, string>; value: number }[] = [];
  for (const { name, failures } of streams.values()) {
    for (const [member, value] of failures.counts)
      values.push({ labels: { stream: name, member }, value });
  }
  return [counter("penstock_domain_failures_total", "Times that a domain's code failed.", values)];
}

/** What an ingester appended, whoever brought it: clients, sources or the demonstration world. */
export function ingestMetrics({ streams, ingested }: Ingester): readonly MetricSample[] {
  const counts = new Map([...streams.keys()].map((name) => [name, ingested.get(name) ?? 0]));
  return [
    counter(
      "penstock_ingested_events_total",
      "Raw records that the log took.",
      labelled("stream", counts),
    ),
  ];
}

/** Whether the sources that follow a chain have a node to follow. */
export function sourceMetrics({ chains }: StartedSources): readonly MetricSample[] {
  const values = chains.map(({ chain, isUp }) => ({
    labels: { source: `evm=${chain}` },
    value: isUp ? 1 : 0,
  }));
  return [gauge("penstock_source_up", "Whether a source follows a node.", values)];
}

/** Totals of what clients reach, in this process. */
export async function surfaceMetrics(
  { delivery, ingester }: Surface,
  { log }: Base,
): Promise<readonly MetricSample[]> {
  const fanouts = [...delivery.fanouts];
  const transports = new Map<string, number>();
  for (const { transport } of delivery.connections)
    transports.set(transport, (transports.get(transport) ?? 0) + 1);
  const dropped = new Map<string, number>();
  const kinds = new Map<string, number>([
    ["delivered", 0],
    ["unmatched", 0],
    ["gap", 0],
    ["empty", 0],
  ]);
  const counts = new Float64Array(LAG_BOUNDS_MS.length + 1);
  const delivered = new Map<string, number>();
  const unreadable = new Map<string, number>();
  let sum = 0;
  let silent = 0;
  for (const { movements, lag, dropped: drops, stream, unreadable: unread } of fanouts) {
    add(unreadable, stream.name, unread);
    for (const kind of ["delivered", "unmatched", "gap", "empty"] as const)
      add(kinds, kind, movements[kind]);
    for (const [reason, count] of drops) add(dropped, reason, count);
    for (const [bucket, count] of lag.counts.entries())
      counts[bucket] = (counts[bucket] ?? 0) + count;
    add(delivered, stream.name, movements.delivered);
    sum += lag.sumMs / 1000;
    silent += movements.silentSkips;
  }
  return [
    gauge("penstock_connections", "Connections that are open.", labelled("transport", transports)),
    {
      name: "penstock_delivery_seconds",
      help: "Time from the log to the socket.",
      kind: "histogram",
      values: [],
      buckets: { bounds: LAG_BOUNDS_MS.map((ms) => ms / 1000), counts, sum },
    },
    logLag(await deliveryLags(fanouts, log)),
    counter(
      "penstock_delivered_events_total",
      "Events handed to sockets.",
      labelled("stream", delivered),
    ),
    counter(
      "penstock_dropped_events_total",
      "Events that gap frames told of.",
      labelled("reason", dropped),
    ),
    counter(
      "penstock_disconnects_total",
      "Connections that ended.",
      labelled("code", new Map([...delivery.closes].map(([code, count]) => [String(code), count]))),
    ),
    counter(
      "penstock_positions_total",
      "Positions that moved, by what they moved past.",
      labelled("kind", kinds),
    ),
    counter(
      "penstock_unreadable_records_total",
      "Records of a served topic that are no events and were passed over.",
      labelled("stream", unreadable),
    ),
    counter("penstock_silent_skips_total", "Positions that moved past anything else: must be 0.", [
      { labels: {}, value: silent },
    ]),
    ...ingestMetrics(ingester),
  ];
}

async function deliveryLags(fanouts: readonly Fanout[], log: Log): Promise<Values> {
  const values: { labels: Record<string, string>; value: number }[] = [];
  for (const fanout of fanouts) {
    const heads = await log.heads(fanout.identity.topic);
    const lag = heads.reduce(
      (total, head, partition) => total + Math.max(0, head - (fanout.position[partition] ?? 0)),
      0,
    );
    values.push({
      labels: { stream: fanout.stream.name, reader: "deliver", topic: fanout.identity.topic },
      value: lag,
    });
  }
  return values;
}

/** Of several processes that read the same, the one that lags most counts. */
function logLag(values: Values): MetricSample {
  return {
    name: "penstock_log_lag_records",
    help: "Records of the log that are not processed, or not read for delivery.",
    kind: "gauge",
    combine: "max",
    values,
  };
}

function add(map: Map<string, number>, key: string, value: number): void {
  map.set(key, (map.get(key) ?? 0) + value);
}

function labelled(label: string, map: ReadonlyMap<string, number>): Values {
  return [...map].map(([key, value]) => ({ labels: { [label]: key }, value }));
}

const gauge = (name: string, help: string, values: Values): MetricSample => ({
  name,
  help,
  kind: "gauge",
  values,
});
const counter = (name: string, help: string, values: Values): MetricSample => ({
  name,
  help,
  kind: "counter",
  values,
});
