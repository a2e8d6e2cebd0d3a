/**
 * The SDK as one ES module for browsers. Runs where the sources are, on Node; browsers get its text.
 */
import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { fileURLToPath } from "node:url";

/** The modules in the order in which they need each other. */
const MODULES = [
  "@penstock-dev/contract/codes.ts",
  "@penstock-dev/contract/event.ts",
  "./backoff.ts",
  "./deduplication.ts",
  "./fold.ts",
  "./item-queue.ts",
  "./stream-error.ts",
  "./server-frame.ts",
  "./connection.ts",
  "./connection-end.ts",
  "./filter-updates.ts",
  "./subscribe-frame.ts",
  "./event-stream.ts",
  "./penstock.ts",
];

const EXPORTS = ["Penstock", "PenstockRequestError", "PenstockStreamError", "EventStream"];

/** The text of the module: all of the SDK, types and comments taken out. */
export function browserModule(): string {
  const parts = MODULES.map((name) => {
    const source = readFileSync(fileURLToPath(import.meta.resolve(name)), "utf8");
    return withoutComments(stripTypeScriptTypes(source))
      .replace(/^import\b[^;]*;$/gm, "")
      .replace(/^export (?=(?:async )?(?:function|class|const|let)\b)/gm, "")
      .replace(/^export\b[^;]*;$/gm, "")
      .replace(/[ \t]+$/gm, "")
      .replace(/\n{2,}/g, "\n");
  });
  return `${parts.join("\n")}\nexport { ${EXPORTS.join(", ")} };\n`;
}

/** Comments stand on lines of their own in these sources. */
function withoutComments(source: string): string {
  return source.replace(/^\s*\/\*\*[\s\S]*?\*\/\s*$/gm, "").replace(/^\s*\/\/.*$/gm, "");
}
