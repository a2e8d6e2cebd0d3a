import { type Delivery, LAG_BOUNDS_MS } from "./deliver/index.ts";
import type { Ingester } from "./ingest/index.ts";
import type { Log } from "./log/index.ts";
import type { MetricSample } from "./observe/index.ts";
import type { Processor } from "./process/index.ts";
import type { Stream } from "./streams/index.ts";

type Values = MetricSample["values"];

/** Every room's totals, copied when somebody asks. */
export async function collectMetrics(rooms: {
  readonly delivery: Delivery;
  readonly ingester: Ingester;
  readonly processors: readonly Processor[];
  readonly log: Log;
  readonly streams: ReadonlyMap<string, Stream>;
  readonly deadLetters: ReadonlyMap<string, number>;
}): Promise<readonly MetricSample[]> {
  const { delivery, ingester } = rooms;
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
  let sum = 0;
  let silent = 0;
  for (const { movements, lag, dropped: drops, stream } of fanouts) {
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
    gauge(
      "penstock_log_lag_records",
      "Records of the log that are not processed, or not read for delivery.",
      await lags(rooms),
    ),
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
    counter("penstock_silent_skips_total", "Positions that moved past anything else: must be 0.", [
      { labels: {}, value: silent },
    ]),
    counter(
      "penstock_ingested_events_total",
      "Raw records that the log took.",
      labelled("stream", ingester.ingested),
    ),
    counter(
      "penstock_dead_letters_total",
      "Raw records that could not be processed.",
      labelled("stream", rooms.deadLetters),
    ),
  ];
}

async function lags({
  processors,
  delivery,
  log,
}: {
  readonly processors: readonly Processor[];
  readonly delivery: Delivery;
  readonly log: Log;
}): Promise<Values> {
  const values: { labels: Record<string, string>; value: number }[] = [];
  for (const processor of processors) {
    const lag = await processor.lag();
    values.push({
      labels: { stream: processor.stream, reader: "process" },
      value: lag.reduce((total, one) => total + one, 0),
    });
  }
  for (const fanout of delivery.fanouts) {
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
