import type { Machine } from "./machine.ts";
import type { Spread } from "./statistics.ts";

/** A figure as it was measured. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** Where it was taken in several rounds: the least and the greatest. */
  readonly min?: number;
  readonly max?: number;
}

/** A figure that is held against a goal: a ratio to what was measured in the same run, or a bound. */
export interface Goal {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly atMost?: number;
  readonly atLeast?: number;
  readonly min?: number;
  readonly max?: number;
}

/** A plot: lines over a scale of numbers, or bars over names. */
export interface Plot {
  readonly name: string;
  readonly title: string;
  readonly x: string;
  readonly y: string;
  /** The x axis is logarithmic. */
  readonly isLogX?: boolean;
  readonly isLogY?: boolean;
  readonly series: readonly PlotSeries[];
}

export interface PlotSeries {
  readonly name: string;
  /** With text as x the plot has bars. */
  readonly points: readonly (readonly [x: number | string, y: number])[];
}

/** What a scenario found. */
export interface Outcome {
  readonly figures: readonly Figure[];
  readonly goals: readonly Goal[];
  readonly plots?: readonly Plot[];
}

/** What is written to bench/results. */
export interface Result extends Outcome {
  readonly scenario: string;
  readonly title: string;
  readonly state: "done" | "unsupported" | "failed";
  /** What was left out, and why; or what went wrong. */
  readonly notes: readonly string[];
  readonly size: Size;
  readonly seed: number;
  readonly startedAt: string;
  readonly seconds: number;
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
}

/** Full is what is reported; small shows in seconds that a scenario works, and its figures mean nothing. */
export type Size = "full" | "small";

/** What a scenario may use. */
export interface Bench {
  readonly size: Size;
  readonly seed: number;
  /** Whatever is started here is stopped when the scenario is done, in reverse order, failed or not. */
  readonly stack: AsyncDisposableStack;
  /** A line for whoever watches. */
  readonly say: (line: string) => void;
  /** A line for the report: what was left out and why. */
  readonly note: (line: string) => void;
  /** The value for the size of this run. */
  readonly pick: <T>(full: T, small: T) => T;
}

/** One thing that is measured. */
export interface Scenario {
  readonly name: string;
  /** What is measured, in a line. */
  readonly title: string;
  /** Options of the Node that a scenario runs in. */
  readonly nodeOptions?: readonly string[];
  readonly run: (bench: Bench) => Promise<Outcome>;
}

export function figure(name: string, value: number, unit: string): Figure {
  return { name, value, unit };
}

export function spreadFigure(name: string, { median, min, max }: Spread, unit: string): Figure {
  return { name, value: median, unit, min, max };
}

/** Whether a goal is met; a goal without a bound always is. */
export function isMet({ value, atMost, atLeast }: Goal): boolean {
  return (atMost === undefined || value <= atMost) && (atLeast === undefined || value >= atLeast);
}

export function atMost(name: string, value: number, bound: number, unit: string): Goal {
  return { name, value, unit, atMost: bound };
}

export function atLeast(name: string, value: number, bound: number, unit: string): Goal {
  return { name, value, unit, atLeast: bound };
}
