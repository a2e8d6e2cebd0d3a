/**
 * What an idle WebSocket costs in anonymous memory (smaps_rollup, proc(5)), over the empty server:
 * a bare socket, one upgraded by `node:http`, one of the library `ws`, and one of Penstock that
 * subscribes with a filter of its own. All in one run, by the same client.
 *
 * `node bench/websocket-memory.ts [--connections 10000] [--only penstock] [--snapshot file]`
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { machineLine } from "./harness/machine.ts";

const { values } = parseArgs({
  options: {
    connections: { type: "string", default: "10000" },
    only: { type: "string", default: "" },
    snapshot: { type: "string", default: "" },
    query: { type: "string", default: "user_ids=idle" },
  },
});
const CONNECTIONS = Number(values.connections);
/** Handshakes under way together. */
const TOGETHER = 100;
const HERE = import.meta.dirname;

/** Lets a server collect its garbage when it is asked to, and write down what is left. */
const PRELOAD = `data:text/javascript,import{writeHeapSnapshot}from"node:v8";process.on("SIGUSR2",()=>{for(let n=0;n<4;n++)globalThis.gc();});process.on("SIGHUP",()=>writeHeapSnapshot(process.env.SNAPSHOT))`;

async function anonymousBytes(pid: number): Promise<number> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, "utf8");
  return Number(/^Anonymous:\s+(\d+) kB/m.exec(rollup)?.[1]) * 1024;
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Anonymous memory once nothing changes any more: as it stands, and after a full collection. */
async function settled(pid: number): Promise<{ asItStands: number; collected: number }> {
  await sleep(3000);
  const asItStands = await anonymousBytes(pid);
  process.kill(pid, "SIGUSR2");
  await sleep(3000);
  return { asItStands, collected: await anonymousBytes(pid) };
}

/** Opens a socket, and answers it when so much has come that it is idle. */
async function open(port: number, path: string, until: string): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.write(
    `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`,
  );
  let text = "";
  for (;;) {
    const [chunk] = (await once(socket, "data")) as [Buffer];
    text += chunk.toString("latin1");
    if (text.includes(until)) break;
  }
  socket.on("data", (chunk) => answerPings(socket, chunk));
  return socket;
}

/** Pings come alone or last: a heartbeat and its checkpoint are before them. */
function answerPings(socket: Socket, chunk: Buffer): void {
  for (let at = chunk.indexOf(0x89); at >= 0; at = chunk.indexOf(0x89, at + 1)) {
    const length = chunk[at + 1] ?? 0;
    if (length > 3 || at + 2 + length > chunk.length) continue;
    const payload = chunk.subarray(at + 2, at + 2 + length);
    socket.write(Buffer.concat([Buffer.from([0x8a, 0x80 | length, 0, 0, 0, 0]), payload]));
  }
}

async function measure(name: string, server: ChildProcess, port: number): Promise<void> {
  const pid = server.pid as number;
  const ours = name === "penstock";
  const path = (number: number): string =>
    ours ? `/v1/tweets/live?${values.query}${number}` : "/";
  const until = ours ? '"caught_up"' : "\r\n\r\n";
  // What the first connections load and compile is not the price of one more.
  const first = await Promise.all(
    Array.from({ length: 200 }, (_, n) => open(port, path(CONNECTIONS + n), until)),
  );
  for (const socket of first) socket.destroy();
  const before = await settled(pid);
  const sockets: Socket[] = [];
  while (sockets.length < CONNECTIONS) {
    const count = Math.min(TOGETHER, CONNECTIONS - sockets.length);
    const from = sockets.length;
    const some = Array.from({ length: count }, (_, n) => open(port, path(from + n), until));
    sockets.push(...(await Promise.all(some)));
  }
  const after = await settled(pid);
  const each = (to: number, from: number): string =>
    `${((to - from) / CONNECTIONS / 1024).toFixed(2)} KiB`;
  console.log(
    `${name}: empty ${(before.asItStands / 2 ** 20).toFixed(0)} MiB; each connection ${each(after.asItStands, before.asItStands)} as it stands, ${each(after.collected, before.collected)} after a full collection`,
  );
  if (ours && values.snapshot !== "") {
    process.kill(pid, "SIGHUP");
    await sleep(30_000);
  }
  for (const socket of sockets) socket.destroy();
}

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

console.log(`${machineLine()}; ${CONNECTIONS} connections`);
const node = ["--expose-gc", "--import", PRELOAD];
for (const name of ["tcp", "upgraded", "ws", "penstock"]) {
  if (values.only !== "" && values.only !== name) continue;
  const dataDir = await mkdtemp(join(tmpdir(), "penstock-bench-"));
  const given = await freePort();
  const program =
    name === "penstock"
      ? [
          join(HERE, "../server/bin/penstock.js"),
          ...["serve", "--data-dir", dataDir, "--port", String(given), "--admin-port", "0"],
          ...["--log-level", "error"],
        ]
      : [join(HERE, "websocket-servers.ts"), name];
  const server = spawn(process.execPath, [...node, ...program], {
    stdio: ["ignore", name === "penstock" ? "ignore" : "pipe", "inherit"],
    env: { ...process.env, SNAPSHOT: values.snapshot },
  });
  try {
    let port = given;
    if (server.stdout !== null) {
      const [told] = (await once(server.stdout, "data")) as [Buffer];
      port = Number(told);
    } else {
      while ((await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined))?.ok !== true) {
        await sleep(100);
      }
    }
    await measure(name, server, port);
  } finally {
    server.kill();
    await once(server, "exit");
    await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
  }
}
