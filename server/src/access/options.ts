import { boolean, integer } from "../option.ts";

/** What the tier of open mode allows. */
export const accessOptions = {
  rulesMax: integer(
    100,
    "Rules that one subscription may have.",
    "A hundred say what a person can keep in mind, and bound a filter's cost.",
    { min: "1" },
  ),
  valuesMax: integer(
    1000,
    "Values that all rules of one subscription may have together.",
    "A thousand addresses are a fund's wallets; more wants several sessions.",
    { min: "1" },
  ),
  matchAll: boolean(
    true,
    "Whether a subscription without any filter, to everything, is allowed.",
    "Whoever runs the server for itself may read everything.",
  ),
  maxEventsPerSecond: integer(
    0,
    "Events that one subscription gets in a second, at most; 0 sets no bound.",
    "Whoever runs the server for itself needs no pace.",
    { min: "0" },
  ),
} as const;
