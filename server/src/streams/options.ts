import { integer } from "../option.ts";

/** What holds for streams that are made here. */
export const streamOptions = {
  partitions: integer(
    4,
    "Partitions of each topic that is made here; order holds within one.",
    "Four keep a small machine's cores busy.",
    { min: "1", max: "1024" },
  ),
} as const;
