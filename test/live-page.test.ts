import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { type Browser, chromium, type Page } from "playwright-core";
import { TestServer } from "./transports/test-server.ts";

const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(
  (path) => existsSync(path),
);
const skip = CHROMIUM === undefined ? "there is no Chromium here" : false;

describe("the page at /", { skip }, () => {
  let server: TestServer;
  let browser: Browser;
  before(async () => {
    server = await TestServer.start();
    browser = await chromium.launch({
      ...(CHROMIUM === undefined ? {} : { executablePath: CHROMIUM }),
      args: ["--no-sandbox"],
    });
  });
  after(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
  });

  const open = async (): Promise<{ readonly page: Page; readonly errors: string[] }> => {
    const page = await browser.newPage();
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error") errors.push(message.text());
    });
    await page.goto(server.url);
    await page.waitForSelector(".condition");
    return { page, errors };
  };

  const ask = async (page: Page, field: string, value: string): Promise<void> => {
    await page.selectOption(".condition select", field);
    await page.fill(".condition input", value);
    await page.click("#follow");
  };

  test("a visitor types a filter and watches what matches arrive, and nothing else", async () => {
    const { page, errors } = await open();
    await ask(page, "hashtags", "watched");
    await page.waitForSelector('#state[data-state="open"]');
    await server.publish(["no #other", "one #watched", "<b>two</b> #watched"]);
    await page.locator("#rows .event").nth(1).waitFor();
    const texts = await page.locator("#rows .event .text").allTextContents();
    assert.deepEqual(texts, ["<b>two</b> #watched", "one #watched"]);
    assert.match(
      String(await page.textContent("#snippet")),
      /\/v1\/tweets\/live\?hashtags=watched/,
    );
    assert.deepEqual(errors, []);
    await page.close();
  });

  test("it goes on where it was when the server comes back", async () => {
    const { page } = await open();
    await ask(page, "hashtags", "resumed");
    await page.waitForSelector('#state[data-state="open"]');
    await server.publish(["before #resumed"]);
    await page.locator("#rows .event").nth(0).waitFor();
    await server.stop();
    await server.start();
    await server.publish(["after #resumed"]);
    await page.locator("#rows .event").nth(1).waitFor();
    const texts = await page.locator("#rows .event .text").allTextContents();
    assert.deepEqual(texts, ["after #resumed", "before #resumed"]);
    // It was told that the server goes: that is no failure.
    assert.equal(await page.locator("#rows .mark.bad").count(), 0);
    const marks = (await page.locator("#rows .mark").allTextContents()).join("\n");
    assert.match(marks, /The server stops, or starts anew/);
    assert.doesNotMatch(marks, /1001/);
    assert.match(String(await page.textContent("#rows .mark.good")), /nothing was missed/);
    await page.close();
  });

  test("it says what is gone where the server comes back with other data, and begins anew", async () => {
    const other = await TestServer.start();
    try {
      const page = await browser.newPage();
      await page.goto(other.url);
      await page.waitForSelector('#state[data-state="open"]');
      await other.stop();
      await rm(other.dataDir, { recursive: true });
      await other.start();
      await page.locator("#rows .mark button", { hasText: "Begin anew" }).click();
      await page.waitForSelector('#state[data-state="open"]');
      assert.equal(await page.isVisible("#form-error"), false);
      await other.publish(["on the other data"]);
      await page.locator("#rows .event", { hasText: "on the other data" }).waitFor();
      assert.equal(await page.locator("#rows .mark").count(), 0);
      await page.close();
    } finally {
      await other[Symbol.asyncDispose]();
    }
  });

  test("a reload and a link keep the stream, its filter and its start", async () => {
    const { page } = await open();
    await page.check('input[value="chain-events"]');
    await page.selectOption(".condition select", "chain");
    await page.fill(".condition input", "ETH, BTC");
    await page.selectOption("#start", "10m");
    await page.click("#add");
    await page.locator(".condition select").nth(1).selectOption("min_value");
    await page.locator(".condition input").nth(1).fill("1.5");
    await page.click("#follow");
    const address = page.url();
    assert.match(address, /\?stream=chain-events&since=10m&chain=ETH,BTC&min_value=1\.5$/);
    const linked = await browser.newPage();
    for (const one of [page, linked]) {
      await one.goto(address);
      await one.waitForSelector('#state[data-state="open"]');
      assert.equal(await one.isChecked('input[value="chain-events"]'), true);
      assert.equal(await one.inputValue("#start"), "10m");
      const fields = await one
        .locator(".condition select")
        .evaluateAll((all) => all.map((select) => (select as unknown as { value: string }).value));
      const values = await one
        .locator(".condition input")
        .evaluateAll((all) => all.map((input) => (input as unknown as { value: string }).value));
      assert.deepEqual(
        [fields, values],
        [
          ["chain", "min_value"],
          ["ETH,BTC", "1.5"],
        ],
      );
    }
    await page.goto(`${server.url}/?stream=nope&since=yesterday&nofield=1`);
    await page.waitForSelector('#state[data-state="open"]');
    assert.equal(await page.isChecked('input[value="tweets"]'), true);
    await page.close();
    await linked.close();
  });

  test("events come at once, and whoever opens one is not disturbed by those after it", async () => {
    await server.publish(["first of all"], "reader");
    const { page, errors } = await open();
    await page.locator("#rows .event", { hasText: "first of all" }).click();
    const opened = page.locator("#rows pre", { hasText: '"user_id": "reader"' });
    await opened.waitFor();
    await server.publish(["while it is read"], "reader");
    await page.waitForSelector("#newer:not([hidden])");
    assert.equal(await page.locator("#rows .event", { hasText: "while it is read" }).count(), 0);
    await page.click("#newer");
    await page.locator("#rows .event", { hasText: "while it is read" }).waitFor();
    assert.equal(await opened.isVisible(), false);
    assert.deepEqual(errors, []);
    await page.close();
  });

  test("each field says what it is, and offers its values", async () => {
    const { page } = await open();
    await page.selectOption(".condition select", "event_types");
    const values = await page.locator(".condition .chips button").allTextContents();
    assert.deepEqual(values, ["new_tweet", "retweet", "reply", "delete"]);
    await page.locator(".condition .chips button", { hasText: "reply" }).click();
    await page.locator(".condition .chips button", { hasText: "delete" }).click();
    assert.equal(await page.inputValue(".condition input"), "reply, delete");
    await page.locator(".condition .chips button", { hasText: "reply" }).click();
    assert.match(String(await page.textContent("#snippet")), /event_types=delete/);
    await page.selectOption(".condition select", "hashtags");
    assert.match(String(await page.textContent(".condition .help")), /Hashtags of the text/);
    await page.close();
  });

  test("it fits a phone", async () => {
    const page = await browser.newPage({ viewport: { width: 360, height: 740 } });
    await page.goto(server.url);
    await server.publish([`wide ${"w".repeat(200)}`]);
    await page.locator("#rows .event", { hasText: "wide www" }).waitFor();
    const width = await page.evaluate("document.documentElement.scrollWidth");
    assert.equal(width, 360);
    await page.close();
  });

  test("a filter that is refused is told beside the field", async () => {
    const { page } = await open();
    await page.check('input[value="chain-events"]');
    await ask(page, "address", "0x12");
    await page.waitForSelector("#form-error:not([hidden])");
    assert.match(String(await page.textContent("#form-error")), /address/);
    assert.equal(await page.getAttribute(".condition input", "aria-invalid"), "true");
    await page.close();
  });
});
