import { type Limits, WHEN_BEHIND } from "@penstock-dev/contract";
import type { OptionValues } from "../option.ts";
import type { accessOptions } from "./options.ts";

/** What a caller may do, as its credential says at this moment. */
export interface Grant {
  /** Whose it is: an id of a key or of a token's subject; names the caller in logs. */
  readonly clientId: string;
  readonly limits: Limits;
}

/** The grant that everyone has where no credentials are configured. */
export function openGrant(options: OptionValues<typeof accessOptions>): Grant {
  return {
    clientId: "open",
    limits: {
      rules_max: options.rulesMax,
      values_max: options.valuesMax,
      match_all: options.matchAll,
      max_events_per_second: options.maxEventsPerSecond === 0 ? null : options.maxEventsPerSecond,
      when_behind: WHEN_BEHIND,
    },
  };
}
