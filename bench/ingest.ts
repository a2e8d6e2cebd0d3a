/**
 * What comes in over HTTP with a durable acknowledgement: records a second of NDJSON over one
 * connection and over eight, and single posts a second over 64 connections. The rival in the same
 * run answers the same requests and keeps nothing.
 *
 * `node bench/ingest.ts [--records 100000]`
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { Agent, createServer, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { machine, processCpuMs } from "./process-cpu.ts";

const PORT = 18_432;
const URL_ = `http://127.0.0.1:${PORT}/v1/ingest/tweets`;
const { values } = parseArgs({ options: { records: { type: "string", default: "100000" } } });
const RECORDS = Number(values.records);
const SINGLES = Math.ceil(RECORDS / 10);
const CONNECTIONS = 64;
const LINES_PER_WRITE = 200;

const dataDir = await mkdtemp(join(tmpdir(), "penstock-bench-"));
const program = join(import.meta.dirname, "../server/bin/penstock.js");
const flags = ["--data-dir", dataDir, "--port", String(PORT), "--admin-port", "0"];
const server = spawn(process.execPath, [program, "serve", ...flags, "--log-level", "error"], {
  stdio: ["ignore", "ignore", "inherit"],
});
const pid = server.pid as number;

let serial = 0;
function line(): string {
  serial += 1;
  const text = `A post of usual length, number ${serial}, about what moves today #bench ${"and so on ".repeat(9)}`;
  return JSON.stringify({ id: `b${serial}`, user_id: `author${serial % 1000}`, text });
}

/** Sends lines over one connection, and counts those that are acknowledged. */
async function sendLines(url: string, count: number): Promise<number> {
  const headers = { "content-type": "application/x-ndjson" };
  const body = request(url, { method: "POST", agent: false, headers });
  const answered = new Promise<number>((resolve, reject) => {
    body.on("error", reject);
    body.on("response", (response) => {
      let acknowledged = 0;
      let rest = "";
      response.setEncoding("latin1");
      response.on("data", (chunk: string) => {
        const lines = (rest + chunk).split("\n");
        rest = lines.pop() ?? "";
        for (const one of lines) if (one.includes('"status":202')) acknowledged += 1;
      });
      response.on("end", () => resolve(acknowledged));
      response.on("error", reject);
    });
  });
  for (let sent = 0; sent < count; sent += LINES_PER_WRITE) {
    const lines = Array.from({ length: Math.min(LINES_PER_WRITE, count - sent) }, line);
    if (!body.write(`${lines.join("\n")}\n`)) await once(body, "drain");
  }
  body.end();
  return await answered;
}

/** Posts single events one behind the other over each of some connections. */
async function postSingles(url: string, count: number): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const headers = { "content-type": "application/json" };
  let left = count;
  let acknowledged = 0;
  const one = async (): Promise<void> => {
    while (left-- > 0) {
      const body = request(url, { method: "POST", agent, headers });
      body.end(line());
      const [response] = (await once(body, "response")) as [IncomingMessage];
      response.resume();
      await once(response, "end");
      if (response.statusCode === 202) acknowledged += 1;
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, one));
  agent.destroy();
  return acknowledged;
}

/** Resolves when the server has processed and stored what it took, and does nothing more. */
async function settled(): Promise<void> {
  for (let before = -1, now = processCpuMs(pid); now - before > 20; ) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    [before, now] = [now, processCpuMs(pid)];
  }
}

/** The rate at which records are acknowledged, and the CPU of all that comes of them. */
async function measure(count: number, send: () => Promise<number>) {
  await settled();
  const startMs = performance.now();
  const cpuMs = processCpuMs(pid);
  const acknowledged = await send();
  const seconds = (performance.now() - startMs) / 1000;
  await settled();
  if (acknowledged !== count) throw new Error(`${acknowledged} of ${count} were acknowledged`);
  return { rate: count / seconds, micros: ((processCpuMs(pid) - cpuMs) * 1000) / count };
}

const show = (rate: number): string => Math.round(rate).toLocaleString("en");

try {
  for (;;) {
    const response = await fetch(`http://127.0.0.1:${PORT}/readyz`).catch(() => undefined);
    if (response?.ok === true) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  // Answers a line with a line and a post with 202, and does nothing else.
  const rival = createServer((incoming, response) => {
    if (incoming.headers["content-type"] === "application/json") {
      incoming.resume().on("end", () => response.writeHead(202).end("{}"));
      return;
    }
    incoming.on("data", (chunk: Buffer) => {
      let answers = "";
      for (const byte of chunk) if (byte === 10) answers += '{"status":202}\n';
      response.write(answers);
    });
    incoming.on("end", () => response.end());
  });
  rival.listen(0, "127.0.0.1");
  await once(rival, "listening");
  const rivalUrl = `http://127.0.0.1:${(rival.address() as AddressInfo).port}`;
  console.log(`${machine()}; one process: CPU is that of processing, storing and serving too`);
  await sendLines(URL_, 5000);
  for (const connections of [1, 8]) {
    const each = Math.floor(RECORDS / connections);
    const count = each * connections;
    const over = async (url: string): Promise<number> => {
      const parts = Array.from({ length: connections }, () => sendLines(url, each));
      return (await Promise.all(parts)).reduce((sum, part) => sum + part, 0);
    };
    const ours = await measure(count, () => over(URL_));
    const bare = await measure(count, () => over(rivalUrl));
    console.log(
      `NDJSON over ${connections} connection(s): ${show(ours.rate)} records/s durably, ${ours.micros.toFixed(1)} µs of CPU each; answering alone ${show(bare.rate)}/s; ratio ${(bare.rate / ours.rate).toFixed(2)}`,
    );
  }
  const ours = await measure(SINGLES, () => postSingles(URL_, SINGLES));
  const bare = await measure(SINGLES, () => postSingles(rivalUrl, SINGLES));
  console.log(
    `single posts over ${CONNECTIONS} connections: ${show(ours.rate)}/s durably, ${ours.micros.toFixed(1)} µs of CPU each; answering alone ${show(bare.rate)}/s; ratio ${(bare.rate / ours.rate).toFixed(2)}`,
  );
  rival.closeAllConnections();
  rival.close();
} finally {
  server.kill();
  await once(server, "exit");
  await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
}
