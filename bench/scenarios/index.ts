import type { Scenario } from "../harness/scenario.ts";
import { fanout } from "./fanout.ts";

/** All scenarios, in the order in which they run and are reported. */
export const scenarios: readonly Scenario[] = [fanout];
