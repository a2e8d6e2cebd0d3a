import { channel } from "node:diagnostics_channel";
import { type DestinationStream, type Logger, pino } from "pino";
import { collectDefaultMetrics, Registry } from "prom-client";
import { mergeSamples } from "./merge-samples.ts";

/** What rooms give when metrics are asked for: totals, copied from their own counters. */
export interface MetricSample {
  readonly name: string;
  readonly help: string;
  readonly kind: "counter" | "gauge" | "histogram";
  /** What the values of several processes make together: their sum, unless it says otherwise. */
  readonly combine?: "sum" | "max";
  readonly values: readonly {
    readonly labels: Readonly<Record<string, string>>;
    readonly value: number;
  }[];
  /** Of a histogram: upper bounds in seconds, and how many in each bucket, the last without bound. */
  readonly buckets?: {
    readonly bounds: readonly number[];
    readonly counts: ArrayLike<number>;
    readonly sum: number;
  };
}

/** Metrics and logs. */
export interface Observer {
  readonly logger: Logger;
  /** The metrics in Prometheus' text format. */
  readonly metrics: () => Promise<string>;
  readonly contentType: string;
  /** Stops listening. */
  readonly close: () => void;
}

/** Fields that are told only in part, for they open doors. */
const SECRETS = ["session_id", "token", "api_key", "authorization", "ticket"];

/**
 * Listens to what the rooms publish on `penstock.log`, and renders what they count.
 *
 * @param collect the rooms' totals, asked for at each scrape
 */
export function createObserver(init: {
  readonly level: string;
  readonly destination: DestinationStream;
  readonly collect: () => Promise<readonly MetricSample[]>;
}): Observer {
  const logger = pino(
    {
      level: init.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: SECRETS, censor: shorten },
    },
    init.destination,
  );
  const registry = new Registry();
  // It would look at the event loop every 10 ms; `penstock_event_loop_delay_seconds` looks closely enough.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 1000 });
  const logs = channel("penstock.log");
  const write = (message: unknown): void => {
    const { level, msg, ...fields } = message as {
      level: "debug" | "info" | "warn" | "error";
      msg: string;
    };
    logger[level](fields, msg);
  };
  logs.subscribe(write);
  return {
    logger,
    contentType: registry.contentType,
    metrics: async () =>
      `${await registry.metrics()}\n${mergeSamples([await init.collect()])
        .map(render)
        .join("")}`,
    close: () => logs.unsubscribe(write),
  };
}

/** Characters of a session's id that are told: `ses_`, its time in eight, and six of chance. */
const SESSION_TOLD = 18;

/**
 * Behind the time at which it was made, a session's id is 144 random bits in 24 characters. The time
 * and 36 of the bits find its lines among those of sessions that were made with it; the 108 bits that
 * are left are nobody's to guess.
 */
function shorten(value: unknown): string {
  const text = String(value);
  return `${text.slice(0, /^ses_[A-Za-z0-9_-]{32}$/.test(text) ? SESSION_TOLD : 6)}…`;
}

function render({ name, help, kind, values, buckets }: MetricSample): string {
  const lines = [`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`];
  for (const { labels, value } of values) lines.push(`${name}${labelText(labels)} ${value}`);
  if (buckets !== undefined) {
    let total = 0;
    for (const [at, bound] of buckets.bounds.entries()) {
      total += buckets.counts[at] ?? 0;
      lines.push(`${name}_bucket{le="${bound}"} ${total}`);
    }
    total += buckets.counts[buckets.bounds.length] ?? 0;
    lines.push(
      `${name}_bucket{le="+Inf"} ${total}`,
      `${name}_sum ${buckets.sum}`,
      `${name}_count ${total}`,
    );
  }
  return `${lines.join("\n")}\n`;
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const parts = Object.entries(labels).map(
    ([label, value]) => `${label}="${value.replaceAll(/["\\\n]/g, "_")}"`,
  );
  return parts.length === 0 ? "" : `{${parts.join(",")}}`;
}
