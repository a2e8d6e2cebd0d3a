import { integer } from "../option.ts";

/** What holds for streams that are made here. */
export const streamOptions = {
  partitions: integer(
    4,
    "Order holds within a partition; four keep a small machine's cores busy.",
    { min: "1", max: "1024" },
  ),
} as const;
