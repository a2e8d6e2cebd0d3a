import { wrong } from "./declaration-error.ts";

/** Partitions as a stream's block says them; undefined where it does not. @throws PenstockError */
export function readPartitions(path: string, given: unknown): number | undefined {
  if (given === undefined || given === null) return undefined;
  if (typeof given === "number" && Number.isInteger(given) && given >= 1 && given <= 1024)
    return given;
  throw wrong(`${path}.partitions`, "must be a whole number of 1 to 1024");
}
