import type { ClientFrame } from "@penstock-dev/contract/frames.ts";
import type { WantedFilters } from "./filter-updates.ts";
import type { StreamOptions } from "./options.ts";

/**
 * The first frame of a connection.
 *
 * @param received where an earlier connection came to, which beats the start that was asked for
 */
export function subscribeFrame(
  stream: string,
  options: StreamOptions,
  filters: WantedFilters,
  received: string | undefined,
  token: string | undefined,
): ClientFrame {
  const { clamp, until, whenBehind, maxEventsPerSecond, finality } = options;
  const start = received === undefined ? options.start : { cursor: received };
  return {
    type: "subscribe",
    stream,
    ...filters,
    ...(start !== undefined && { start }),
    ...(clamp !== undefined && { clamp }),
    ...(until !== undefined && { until }),
    ...(whenBehind !== undefined && { when_behind: whenBehind }),
    ...(maxEventsPerSecond !== undefined && { max_events_per_second: maxEventsPerSecond }),
    ...(finality !== undefined && { finality }),
    ...(token !== undefined && { api_key: token }),
  };
}
