import { nowMicros } from "./bench-event.ts";
import type { PenstockServer } from "./penstock-server.ts";

/** How often what is due is sent. */
const TICK_MS = 3;
/** Requests that may be unanswered; what is due meanwhile waits, and its time runs. */
const REQUESTS_MAX = 32;

/** How fast to publish, and what. */
export interface Rate {
  readonly perSecond: number;
  readonly seconds: number;
  /** The first serial. */
  readonly from: number;
  readonly eventOf: (serial: number, micros: number) => object;
  /** Whether one request waits for the other: several at once reach the log in any order. */
  readonly isOrdered?: boolean;
}

/**
 * Publishes at a rate, whatever the answers take; resolves when all is acknowledged, with the serial
 * after the last. The time of an event is when it is sent, or should have been where that is late.
 */
export async function publishAtRate(server: PenstockServer, rate: Rate): Promise<number> {
  const { perSecond, seconds, from, eventOf } = rate;
  const requestsMax = rate.isOrdered === true ? 1 : REQUESTS_MAX;
  const total = Math.round(perSecond * seconds);
  const startMicros = nowMicros();
  const answers = new Set<Promise<void>>();
  let failed: unknown;
  for (let sent = 0; sent < total && failed === undefined; ) {
    const elapsedMicros = nowMicros() - startMicros;
    const due = Math.min(total, Math.floor((elapsedMicros * perSecond) / 1e6) + 1);
    if (due > sent && answers.size < requestsMax) {
      const batch: object[] = [];
      for (; sent < due; sent++) {
        const dueMicros = startMicros + (sent * 1e6) / perSecond;
        const micros = Math.min(nowMicros(), Math.floor(dueMicros) + TICK_MS * 2000);
        batch.push(eventOf(from + sent, micros));
      }
      const answer = server
        .publish(batch)
        .catch((caught: unknown) => {
          failed = caught;
        })
        .finally(() => answers.delete(answer));
      answers.add(answer);
    }
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
  await Promise.all(answers);
  if (failed !== undefined) throw failed;
  return from + total;
}

/** Publishes as fast as answers come, some requests at once; resolves when all is acknowledged. */
export async function publishAll(
  server: PenstockServer,
  count: number,
  eventOf: (number: number) => object,
): Promise<void> {
  let next = 0;
  const one = async (): Promise<void> => {
    while (next < count) {
      const from = next;
      next = Math.min(count, from + 500);
      await server.publish(Array.from({ length: next - from }, (_, at) => eventOf(from + at)));
    }
  };
  await Promise.all(Array.from({ length: 8 }, one));
}
