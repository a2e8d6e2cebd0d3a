import { boolean, integer } from "../option.ts";

/** What the tier of open mode allows. */
export const accessOptions = {
  rulesMax: integer(
    100,
    "A hundred rules say what a person can keep in mind, and bound a filter's cost.",
    { min: "1" },
  ),
  valuesMax: integer(
    1000,
    "A thousand addresses are a fund's wallets; more wants several sessions.",
    { min: "1" },
  ),
  matchAll: boolean(true, "Whoever runs the server for itself may read everything."),
  maxEventsPerSecond: integer(0, "0 sets no bound: a rate is a tier's matter.", { min: "0" }),
} as const;
