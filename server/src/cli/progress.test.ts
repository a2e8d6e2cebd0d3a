import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Progress } from "./progress.ts";

/** What is written to a stream that is a terminal, or is none. */
function output(isTTY: boolean): { readonly out: NodeJS.WriteStream; readonly text: () => string } {
  let text = "";
  const out = { isTTY, write: (chunk: string) => (text += chunk) };
  return { out: out as unknown as NodeJS.WriteStream, text: () => text };
}

describe("progress", () => {
  test("is a bar in a terminal, whole at the end", () => {
    const { out, text } = output(true);
    const progress = new Progress(0, out);
    progress.share = 0.5;
    progress.accepted = 5;
    progress.finish();
    assert.match(text(), /\[█{15}·{15}\] 50 % {2}5 records, \d+\/s\n$/);
    progress.share = 1;
    progress.finish();
    assert.match(text(), /\[█{30}\] 100 %/);
    assert.ok(text().startsWith("\r\u001b[K"), "it writes over itself");
  });

  test("counts where the size is not known", () => {
    const unknown = output(true);
    new Progress(undefined, unknown.out).finish();
    assert.match(unknown.text(), /0 records, 0\/s\n$/);
  });

  test("writes no control characters where there is no terminal, and a bounded number of refusals", () => {
    const { out, text } = output(false);
    const progress = new Progress(0, out);
    for (let line = 1; line <= 1000; line++) progress.refuse(`line ${line}: no`);
    progress.finish();
    assert.equal(progress.refused, 1000);
    assert.equal(text().split("\n").length, 22);
    assert.match(text(), /line 20: no\nfurther refusals are counted only\n$/);
    assert.doesNotMatch(text(), /\r/);
  });
});
