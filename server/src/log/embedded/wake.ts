import { createHash, randomBytes } from "node:crypto";
import { lstatSync, mkdirSync, readdirSync, realpathSync, renameSync, rmSync } from "node:fs";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What moved: the number of the topic, which is 1 or more, and the partition. */
export type Moved = readonly [topic: number, partition: number];

/** Says that anything may have moved. */
const ANYTHING = Buffer.alloc(8);

/** The way to one peer. */
interface Line {
  readonly socket: Socket;
  /** Bytes were given to the system, and it has not taken them yet. */
  isBusy: boolean;
  /** Something moved meanwhile. */
  isOwing: boolean;
}

/** A Unix socket's address holds 108 bytes on Linux and 104 elsewhere, with a zero at the end. */
const PATH_BYTES_MAX = 103;
const NAME_BYTES_MAX = 24;
/** What the name of a socket ends with before it listens. */
const UNREADY = ".new";
/** How often the folder is looked at for peers whose line broke or never came about. */
const RESCAN_MS = 5000;
const MOVED_BYTES = 8;

/**
 * Wakes the other processes that have the same log open. Each has a socket in a folder that all
 * know, and a line to each other's: a newcomer calls on everyone there and says its name, and they
 * call back. What is sent is a hint of what moved, after it is durable; one that is lost costs
 * nothing but time, for everyone looks at the heads now and then besides.
 */
export class Wake implements Disposable {
  readonly #folder: string;
  readonly #name = `${process.pid}-${randomBytes(4).toString("hex")}`;
  readonly #intervalMs: number;
  readonly #woken: (moved: readonly Moved[] | "anything") => void;
  readonly #server: Server;
  readonly #lines = new Map<string, Line>();
  readonly #callers = new Set<Socket>();
  readonly #rescan: NodeJS.Timeout;
  readonly #dirty = new Map<string, Moved>();
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #sentAtMs = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  /**
   * @param init.intervalMs the shortest time between two wakes of a peer
   * @param init.woken told what moved elsewhere
   * @param init.failed told why this process cannot be woken
   */
  constructor(init: {
    readonly folder: string;
    readonly intervalMs: number;
    readonly woken: (moved: readonly Moved[] | "anything") => void;
    readonly failed: (caught: unknown) => void;
  }) {
    this.#folder = init.folder;
    this.#intervalMs = init.intervalMs;
    this.#woken = init.woken;
    this.#server = createServer((caller) => this.#answer(caller));
    this.#server.on("error", init.failed);
    this.#rescan = setInterval(() => this.#callOnAll(), RESCAN_MS).unref();
    try {
      // In a cluster the primary would listen in a worker's stead: `exclusive` prevents it.
      const path = this.#pathOf(`${this.#name}${UNREADY}`);
      this.#server.listen({ path, exclusive: true }, () => this.#appear(path));
      this.#server.unref();
    } catch (caught) {
      init.failed(caught);
    }
  }

  /** Takes its name once it listens: one that is found and does not listen passes for dead. */
  #appear(path: string): void {
    if (this.#isClosed) return;
    try {
      renameSync(path, this.#pathOf(this.#name));
    } catch (caught) {
      this.#server.emit("error", caught);
    }
    this.#callOnAll();
  }

  /** Others with whom there is a line. */
  get peers(): number {
    return this.#lines.size;
  }

  /** Lets the others know, soon: what moves meanwhile goes in the same write. */
  moved(topic: number, partition: number): void {
    if (this.#lines.size === 0) return;
    this.#dirty.set(`${topic} ${partition}`, [topic, partition]);
    if (this.#timer !== undefined) return;
    const dueMs = this.#sentAtMs + this.#intervalMs - performance.now();
    if (dueMs > 0) this.#timer = setTimeout(() => this.#send(), dueMs).unref();
    else this.#immediate ??= setImmediate(() => this.#send());
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    clearInterval(this.#rescan);
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    this.#server.close();
    rmSync(this.#pathOf(this.#name), { force: true });
    for (const { socket } of this.#lines.values()) socket.destroy();
    for (const caller of this.#callers) caller.destroy();
  }

  #send(): void {
    this.#timer = undefined;
    this.#immediate = undefined;
    this.#sentAtMs = performance.now();
    const bytes = Buffer.allocUnsafe(this.#dirty.size * MOVED_BYTES);
    let at = 0;
    for (const [topic, partition] of this.#dirty.values()) {
      at = bytes.writeUInt32LE(topic, at);
      at = bytes.writeUInt32LE(partition, at);
    }
    this.#dirty.clear();
    for (const line of this.#lines.values()) this.#tell(line, bytes);
  }

  /** Nothing is kept for a peer that does not read: one word, once it does, stands for all. */
  #tell(line: Line, bytes: Uint8Array | string): void {
    if (line.isBusy) {
      line.isOwing = true;
      return;
    }
    line.isBusy = true;
    line.socket.write(bytes, () => {
      line.isBusy = false;
      if (!line.isOwing) return;
      line.isOwing = false;
      this.#tell(line, ANYTHING);
    });
  }

  #callOnAll(): void {
    if (this.#isClosed) return;
    let names: readonly string[];
    try {
      names = readdirSync(this.#folder);
    } catch {
      return;
    }
    for (const name of names) this.#callOn(name);
  }

  #callOn(name: string): void {
    if (this.#isClosed || name === this.#name || this.#lines.has(name)) return;
    if (!/^\d+-[0-9a-f]{8}$/.test(name)) return;
    const path = this.#pathOf(name);
    const socket = createConnection({ path });
    const line: Line = { socket, isBusy: false, isOwing: false };
    socket.unref();
    socket.on("error", (caught: NodeJS.ErrnoException) => {
      // Nobody listens: the process is dead, and what it left goes.
      if (caught.code === "ECONNREFUSED") rmSync(path, { force: true });
    });
    socket.on("close", () => {
      if (this.#lines.get(name) === line) this.#lines.delete(name);
    });
    socket.resume();
    this.#lines.set(name, line);
    this.#tell(line, `${this.#name}\n`);
  }

  /** Reads a caller's name, then what moved, as often as it says so. */
  #answer(caller: Socket): void {
    caller.unref();
    this.#callers.add(caller);
    caller.on("error", () => undefined);
    caller.on("close", () => this.#callers.delete(caller));
    let isNamed = false;
    let rest: Buffer = Buffer.alloc(0);
    caller.on("data", (chunk: Buffer) => {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      if (!isNamed) {
        const end = rest.indexOf("\n");
        if (end < 0 && rest.length > NAME_BYTES_MAX) caller.destroy();
        if (end < 0) return;
        isNamed = true;
        this.#callOn(rest.toString("latin1", 0, end));
        rest = rest.subarray(end + 1);
        // What it appended before it knew of this process it told nobody.
        this.#tellOf("anything");
      }
      const moved: Moved[] = [];
      let at = 0;
      for (; at + MOVED_BYTES <= rest.length; at += MOVED_BYTES)
        moved.push([rest.readUInt32LE(at), rest.readUInt32LE(at + 4)]);
      rest = rest.subarray(at);
      if (moved.length > 0) this.#tellOf(moved.some(([topic]) => topic === 0) ? "anything" : moved);
    });
  }

  #tellOf(moved: readonly Moved[] | "anything"): void {
    if (!this.#isClosed) this.#woken(moved);
  }

  #pathOf(name: string): string {
    return join(this.#folder, name);
  }
}

/**
 * The folder of the sockets of those who have a log open: beside its files; or, where a path there
 * would be too long for a socket, one in the system's folder for such things that the path names.
 *
 * @returns undefined where there is none that only this user can write
 */
export function wakeFolder(logFolder: string): string | undefined {
  const beside = join(realpathSync(logFolder), "wake");
  const elsewhere = join(
    tmpdir(),
    `penstock-${createHash("sha256").update(beside).digest("hex").slice(0, 16)}`,
  );
  for (const folder of [beside, elsewhere]) {
    if (Buffer.byteLength(folder) + 1 + NAME_BYTES_MAX > PATH_BYTES_MAX) continue;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const found = lstatSync(folder);
    if (found.isDirectory() && found.uid === process.getuid?.()) return folder;
  }
  return undefined;
}
