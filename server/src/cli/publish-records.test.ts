import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Progress } from "./progress.ts";
import { publishRecords } from "./publish-records.ts";
import { InputMeasure, type InputRecord } from "./record-input.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

const RECORDS = 5000;

/** Takes every line, and answers each; at one address it says that another server does. */
const server = createServer((request, response) => {
  if (request.url === "/moved") {
    response.writeHead(301, { location: "/" }).end();
    return;
  }
  response.writeHead(200);
  let line = 0;
  request.on("data", (chunk: Buffer) => {
    for (const byte of chunk)
      if (byte === 0x0a) response.write(`${JSON.stringify({ line: ++line, status: 202 })}\n`);
  });
  request.on("end", () => response.end());
});

describe("publishing records", () => {
  before(async () => {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  /** Publishes records; returns what ended it early, and how many were accepted. */
  const publish = async (
    records: AsyncGenerator<InputRecord, void, undefined>,
    signal = new AbortController().signal,
    path = "",
  ): Promise<{ readonly failure: string | undefined; readonly accepted: number }> => {
    const out = { isTTY: false, write: () => true } as unknown as NodeJS.WriteStream;
    const progress = new Progress(undefined, out);
    const failure = await publishRecords({
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/${path}`,
      records,
      speed: { kind: "rate", perSecond: Number.POSITIVE_INFINITY },
      progress,
      measure: new InputMeasure(undefined),
      signal,
      name: "a test",
    });
    return { failure, accepted: progress.accepted };
  };

  const record = (line: number): InputRecord & { readonly bytes: Uint8Array } => ({
    bytes: Buffer.from(`${JSON.stringify({ line })}`),
    value: { line },
    line,
    endBytes: 0,
  });

  test("holds what is on its way, and not what was sent", async () => {
    const made: WeakRef<object>[] = [];
    let held = 2 * RECORDS;
    async function* records(): AsyncGenerator<InputRecord, void, undefined> {
      for (let line = 1; line <= RECORDS; line++) {
        const one = record(line);
        made.push(new WeakRef(one), new WeakRef(one.bytes));
        yield one;
      }
      // What a reference that was just made leads to is held until a turn later.
      for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
      collect();
      held = made.filter((one) => one.deref() !== undefined).length;
    }
    assert.deepEqual(await publish(records()), { failure: undefined, accepted: RECORDS });
    assert.ok(held < 100, `${held} of ${2 * RECORDS} records and their bytes are held`);
  });

  test("ends at its signal while the input waits, with every answer", async () => {
    const abort = new AbortController();
    async function* records(): AsyncGenerator<InputRecord, void, undefined> {
      yield record(1);
      yield record(2);
      setImmediate(() => abort.abort());
      await new Promise<never>(() => undefined);
    }
    assert.deepEqual(await publish(records(), abort.signal), { failure: undefined, accepted: 2 });
  });

  test("reads nothing where its signal came before it", async () => {
    let asked = false;
    async function* records(): AsyncGenerator<InputRecord, void, undefined> {
      asked = true;
      yield record(1);
    }
    const ended = await publish(records(), AbortSignal.abort());
    assert.deepEqual(ended, { failure: undefined, accepted: 0 });
    assert.ok(!asked);
  });

  test("says why the input could not be read to its end", async () => {
    async function* records(): AsyncGenerator<InputRecord, void, undefined> {
      yield record(1);
      throw new Error("the cable is out");
    }
    assert.deepEqual(await publish(records()), {
      failure: "a test could not be read to its end: the cable is out",
      accepted: 1,
    });
  });
  test("goes nowhere else", async () => {
    async function* records(): AsyncGenerator<InputRecord, void, undefined> {
      yield record(1);
    }
    await assert.rejects(publish(records(), undefined, "moved"), /cannot be reached.*redirect/);
  });
});
