import { set } from "./set.ts";

/** One whole value: a set of one. */
export const exact = set;
