import type { Start, WhenBehind } from "@penstock-dev/contract";
import type { TransportName } from "./connection.ts";
import type { Random } from "./random.ts";
import { SharedSight } from "./recording.ts";
import { SdkClient } from "./sdk-client.ts";
import { type ClientPlan, SwarmClient, type SwarmFilter } from "./swarm-client.ts";

/**
 * All the clients of a run, and the filters that they choose from. Disposing of it stops the clients:
 * what they recorded stays.
 */
export interface Swarm extends AsyncDisposable {
  readonly clients: readonly SwarmClient[];
  readonly sdkClients: readonly SdkClient[];
  readonly filters: readonly SwarmFilter[];
  readonly sight: SharedSight;
  readonly topicOf: (client: SwarmClient) => string;
  /** The filters that a client may change to. */
  readonly filtersFor: (client: SwarmClient) => readonly number[];
}

/** What a filter can be used for. */
export type FilterUse = "tweets" | "chain-events" | "final";

const CLIENTS_PER_FILTER = 3;
const SDK_CLIENTS = 4;
const CONNECTS_AT_ONCE = 50;

/** Draws one filter for a use. */
export type DrawFilter = (use: FilterUse) => SwarmFilter;

/** Draws filters and plans, creates the sessions and connects; stops everyone where that fails. */
export async function makeSwarm(init: {
  readonly drawFilter: DrawFilter;
  readonly random: Random;
  readonly count: number;
  readonly base: () => string;
  /** More of a plan than chance says. */
  readonly plan?: Partial<ClientPlan>;
}): Promise<Swarm> {
  const { random, count, base } = init;
  const filters: SwarmFilter[] = [];
  const uses = new Map<FilterUse, number[]>([
    ["tweets", []],
    ["chain-events", []],
    ["final", []],
  ]);
  const wanted = Math.max(6, Math.ceil(count / CLIENTS_PER_FILTER));
  for (let number = 0; number < wanted; number++) {
    const use: FilterUse =
      number % 2 === 0 ? "tweets" : number % 6 === 1 ? "final" : "chain-events";
    uses.get(use)?.push(number);
    filters.push(init.drawFilter(use));
  }
  const byRules = await learnRules(filters, uses, base());
  const sight = new SharedSight();
  const useOf = (plan: ClientPlan): FilterUse =>
    plan.finality === "final" ? "final" : (plan.stream as FilterUse);
  const clients = Array.from({ length: count }, (_, number) => {
    const use = random.pick(["tweets", "tweets", "chain-events", "chain-events", "final"] as const);
    const drawn = drawPlan(random, number, use, random.pick(uses.get(use) ?? []));
    const plan = { ...drawn, ...init.plan };
    return new SwarmClient({
      plan,
      topic: topicOf(plan),
      sight,
      filters,
      filterOf: (rules) => byRules.get(`${use}\n${rules}`),
      random,
      base,
    });
  });
  const sdkClients = Array.from({ length: SDK_CLIENTS }, (_, number) => {
    const stream = number % 2 === 0 ? "tweets" : "chain-events";
    const filter = random.pick(uses.get(stream) ?? []);
    return new SdkClient({
      stream,
      filter,
      rules: filters[filter] ?? [],
      base,
      sight,
      filterOf: (rules) => byRules.get(`${stream}\n${rules}`),
    });
  });
  const stop = async (): Promise<void> => {
    for (const client of clients) client.stop();
    await Promise.all(sdkClients.map((client) => client.stop()));
  };
  try {
    for (let first = 0; first < clients.length; first += CONNECTS_AT_ONCE) {
      await Promise.all(clients.slice(first, first + CONNECTS_AT_ONCE).map((one) => one.start()));
    }
    for (const client of sdkClients) client.start();
  } catch (caught) {
    await stop();
    throw caught;
  }
  return {
    clients,
    sdkClients,
    filters,
    sight,
    topicOf: ({ plan }) => topicOf(plan),
    filtersFor: ({ plan }) => uses.get(useOf(plan)) ?? [],
    [Symbol.asyncDispose]: stop,
  };
}

function topicOf({ stream, finality }: ClientPlan): string {
  return `${stream}.${finality === "final" ? "final" : "enriched"}`;
}

function drawPlan(random: Random, number: number, use: FilterUse, filter: number): ClientPlan {
  const stream = use === "final" ? "chain-events" : use;
  const whenBehind: WhenBehind = random.pick(["skip", "wait", "wait", "latest"]);
  const start: Start = random.pick(["now", "earliest", { ago: "1m" }]);
  const transport: TransportName = random.pick(["websocket", "websocket", "sse", "ndjson"]);
  const isPaced = whenBehind !== "wait" && random.chance(0.3);
  return {
    number,
    stream,
    finality: use === "final" ? "final" : "all",
    transport,
    resumeBy: random.chance(0.6) ? "cursor" : "session",
    start,
    whenBehind,
    maxEventsPerSecond: isPaced ? random.integer(20, 200) : undefined,
    filter,
  };
}

/** What the server calls each filter, so that a client knows which one `subscribed` means. */
async function learnRules(
  filters: readonly SwarmFilter[],
  uses: ReadonlyMap<FilterUse, readonly number[]>,
  base: string,
): Promise<ReadonlyMap<string, number>> {
  const known = new Map<string, number>();
  for (const [use, numbers] of uses) {
    for (const number of numbers) {
      const rules = filters[number] ?? [];
      const created = await fetch(`${base}/v1/stream/subscribe`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({
          stream: use === "final" ? "chain-events" : use,
          finality: use === "final" ? "final" : "all",
          ...(rules.length === 0 ? {} : { rules }),
        }),
      });
      const { session_id, ...problem } = (await created.json()) as { session_id?: string };
      if (session_id === undefined) {
        throw new Error(`the filter ${JSON.stringify(rules)}: ${JSON.stringify(problem)}`);
      }
      const path = `${base}/v1/stream/subscribe/${session_id}`;
      const session = (await (await fetch(path)).json()) as { rules: object[] };
      await fetch(path, { method: "DELETE" });
      const key = `${use}\n${JSON.stringify(session.rules)}`;
      if (!known.has(key)) known.set(key, number);
    }
  }
  return known;
}
