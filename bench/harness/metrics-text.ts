/** One line of a metrics page. */
export interface MetricsSample {
  readonly name: string;
  readonly labels: string;
  readonly value: number;
}

/** Reads Prometheus' text format as far as servers of ours write it. */
export function parseMetrics(text: string): MetricsSample[] {
  const samples: MetricsSample[] = [];
  for (const line of text.split("\n")) {
    const parts = /^([a-zA-Z_:][\w:]*)(\{.*\})? (\S+)/.exec(line);
    if (parts !== null)
      samples.push({ name: parts[1] ?? "", labels: parts[2] ?? "", value: Number(parts[3]) });
  }
  return samples;
}
