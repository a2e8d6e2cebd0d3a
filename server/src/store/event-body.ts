import type { StreamEvent } from "../streams/index.ts";

/** An event as JSON, as it goes over the wire. */
export function eventBody(
  event: StreamEvent,
  partition: number,
  offset: number,
  atMs: number,
): string {
  return `{"event_type":${JSON.stringify(event.event_type)},"position":"${partition}:${offset}","at":${atMs},${event.tail}`;
}
