import type { MetricSample } from "./observer.ts";

type Value = MetricSample["values"][number];

/** The samples of several processes, or rooms, as those of one: what has the same name is added up. */
export function mergeSamples(lists: readonly (readonly MetricSample[])[]): readonly MetricSample[] {
  const merged = new Map<string, MetricSample>();
  for (const sample of lists.flat()) {
    const known = merged.get(sample.name);
    merged.set(sample.name, known === undefined ? sample : add(known, sample));
  }
  return [...merged.values()];
}

function add(a: MetricSample, b: MetricSample): MetricSample {
  const combine = a.combine === "max" ? Math.max : (x: number, y: number): number => x + y;
  const values = new Map<string, Value>();
  for (const value of [...a.values, ...b.values]) {
    const key = JSON.stringify(Object.entries(value.labels).sort());
    const known = values.get(key);
    values.set(
      key,
      known === undefined ? value : { ...known, value: combine(known.value, value.value) },
    );
  }
  const summed = { ...a, values: [...values.values()] };
  if (a.buckets === undefined || b.buckets === undefined) return summed;
  const { bounds, counts, sum } = a.buckets;
  const others = b.buckets;
  return {
    ...summed,
    buckets: {
      bounds,
      counts: Array.from(counts, (count, at) => count + (others.counts[at] ?? 0)),
      sum: sum + others.sum,
    },
  };
}
