import { readFileSync } from "node:fs";

/** A fenced block of a document. */
export interface Block {
  /** What stands behind the opening fence: what the block is. */
  readonly kind: string;
  readonly text: string;
  /** The line of the opening fence, from 1. */
  readonly line: number;
}

/** A table, under the heading that it stands under. */
export interface Table {
  readonly heading: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** A Markdown document, as far as a test needs it: its fenced blocks and its tables. */
export class Document {
  readonly blocks: readonly Block[];
  readonly tables: readonly Table[];
  readonly text: string;

  constructor(text: string) {
    this.text = text;
    const blocks: Block[] = [];
    const tables: Table[] = [];
    const lines = text.split("\n");
    let heading = "";
    for (let at = 0; at < lines.length; at++) {
      const line = lines[at] ?? "";
      const fence = /^```(.*)$/.exec(line);
      if (fence !== null) {
        const end = lines.indexOf("```", at + 1);
        if (end < 0) throw new Error(`the block of line ${at + 1} does not end`);
        const inner = lines.slice(at + 1, end).join("\n");
        blocks.push({ kind: (fence[1] ?? "").trim(), text: inner, line: at + 1 });
        at = end;
      } else if (line.startsWith("#")) {
        heading = line.replace(/^#+ /, "").replaceAll("`", "");
      } else if (line.startsWith("|")) {
        const end = lines.findIndex((other, index) => index > at && !other.startsWith("|"));
        const [columns = [], , ...rows] = lines.slice(at, end).map(cells);
        tables.push({ heading, columns, rows });
        at = end - 1;
      }
    }
    this.blocks = blocks;
    this.tables = tables;
  }

  static read(url: URL): Document {
    return new Document(readFileSync(url, "utf8"));
  }

  /** The tables under a heading, which must be there. */
  under(heading: string): readonly Table[] {
    const found = this.tables.filter((table) => table.heading === heading);
    if (found.length === 0) throw new Error(`there is no table under ${heading}`);
    return found;
  }

  /** The table whose first column has a name. */
  withColumn(name: string): Table {
    const found = this.tables.find(({ columns }) => columns[0] === name);
    if (found === undefined) throw new Error(`there is no table of ${name}`);
    return found;
  }
}

function cells(line: string): string[] {
  return line
    .replace(/^\|/, "")
    .replace(/\|\s*$/, "")
    .split("|")
    .map((cell) => cell.trim());
}

/** What stands between backticks in a cell. */
export function codes(cell: string | undefined): string[] {
  return [...(cell ?? "").matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? "");
}
