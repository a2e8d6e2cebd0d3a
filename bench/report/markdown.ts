import { boundOf, show } from "../harness/run-scenario.ts";
import { type Goal, isMet, type Result } from "../harness/scenario.ts";

const HEAD = `# What was measured

Written by \`npm run bench -- report\` from \`bench/results\`; [docs/benchmarks.md](../docs/benchmarks.md)
says how to run the benchmarks and what each figure means. A ratio is to a baseline of the same run.
`;

/** The report of some results, for people. */
export function markdown(results: readonly Result[]): string {
  const parts = [HEAD, runs(results), "## Goals\n", goalTable(results)];
  for (const result of results) parts.push(section(result));
  return parts.join("\n");
}

/** What it was measured on; once, where that is the same for all. */
function runs(results: readonly Result[]): string {
  const described = new Map<string, string[]>();
  for (const result of results) {
    const { machine, versions, seed } = result;
    const all = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
    const text = `${machine.cores} × ${machine.cpu}, ${machine.memoryGib} GiB, Linux ${machine.kernel}; ${all.join(", ")}; seed ${seed}`;
    described.set(text, [...(described.get(text) ?? []), result.scenario]);
  }
  const lines = [...described].map(([text, names]) =>
    described.size === 1 ? `Measured on ${text}.` : `- ${names.join(", ")}: ${text}`,
  );
  return `${lines.join("\n")}\n`;
}

function goalTable(results: readonly Result[]): string {
  const rows = results.flatMap((result) => {
    const link = `[${result.scenario}](#${result.scenario})`;
    if (result.state !== "done") return [[link, result.notes.at(-1) ?? "", "", "", result.state]];
    return result.goals.map((goal) => [
      link,
      goal.name,
      measured(goal),
      boundOf(goal),
      isMet(goal) ? "met" : "**not met**",
    ]);
  });
  return table(["scenario", "goal", "measured", "bound", ""], rows);
}

function section(result: Result): string {
  const parts = [`## ${result.scenario}\n`, `${capital(result.title)}. ${result.seconds} s.\n`];
  for (const note of result.notes) parts.push(`- ${note.split("\n")[0]}\n`);
  for (const plot of result.plots ?? []) parts.push(`![${plot.title}](plots/${plot.name}.svg)\n`);
  const rows = result.figures.map((one) => [one.name, measured(one)]);
  if (rows.length > 0) parts.push(table(["figure", "measured"], rows));
  return parts.join("\n");
}

function measured({ value, unit, min, max }: Omit<Goal, "name">): string {
  const range = min === undefined || max === undefined ? "" : ` (${show(min)} to ${show(max)})`;
  return `${show(value)} ${unit}`.trim() + range;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`;
  const rule = `|${head.map(() => "---").join("|")}|`;
  return `${[line(head), rule, ...rows.map(line)].join("\n")}\n`;
}

const capital = (sentence: string): string =>
  sentence.slice(0, 1).toUpperCase() + sentence.slice(1);
