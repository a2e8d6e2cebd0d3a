/** Every code block of what a newcomer reads does what it says. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { anvilProgram } from "./evm/anvil.ts";
import { ROOT } from "./newcomer/served.ts";
import { type Block, blocksOf, Tutorial } from "./newcomer/tutorial.ts";

const START: Block = { heading: "", language: "sh", text: "npm start\n" };

/** Documents, and what must run before them. */
const DOCUMENTS: readonly (readonly [name: string, before: readonly Block[]])[] = [
  ["README.md", []],
  ["client/README.md", [START]],
  ["domains/direct-messages/README.md", []],
];

for (const [name, before] of DOCUMENTS) {
  test(`the blocks of ${name}`, async (t) => {
    await using tutorial = await Tutorial.open();
    for (const block of before) await tutorial.run(block, undefined);
    const all = blocksOf(readFileSync(join(ROOT, name), "utf8"));
    const sections = Map.groupBy(all, ({ heading }) => heading);
    for (const [heading, blocks] of sections) {
      const needsNode = blocks.some(({ text }) => text.includes("npx anvil"));
      const skip = needsNode && anvilProgram() === undefined ? "there is no anvil here" : false;
      await t.test(heading, { skip }, async () => {
        for (const [at, block] of blocks.entries()) {
          if (block.language === "text") continue;
          const next = blocks[at + 1];
          await tutorial.run(block, next?.language === "text" ? next.text : undefined);
        }
      });
    }
  });
}
