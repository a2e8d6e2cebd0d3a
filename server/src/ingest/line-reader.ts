import { PenstockError } from "@penstock-dev/contract";
import { GrowingBytes } from "../growing-bytes.ts";
import type { Held } from "./ingester.ts";

/** One line of a body. */
export interface Line {
  /** From 1, blank lines counted. */
  readonly number: number;
  /** What it holds, or why it was not kept: `payload_too_large` or `overloaded`. */
  readonly bytes: Buffer | PenstockError;
}

const NEWLINE = 0x0a;

/**
 * Cuts a body into batches of lines as its bytes come; holds one line and one chunk of the body at
 * the most. Blank lines are passed over.
 *
 * @param limits.held counts the bytes of a line that has not ended among what waits
 */
export async function* readLines(
  body: AsyncIterable<Buffer>,
  limits: {
    readonly lineBytesMax: number;
    readonly batchLinesMax: number;
    readonly held: Held;
  },
): AsyncIterable<readonly Line[]> {
  const carry = new Carry(limits.lineBytesMax, limits.held);
  let number = 0;
  let batch: Line[] = [];
  const take = (rest: Buffer): void => {
    number += 1;
    const bytes = carry.end(rest);
    if (bytes instanceof PenstockError || !isBlank(bytes)) batch.push({ number, bytes });
  };
  try {
    for await (const chunk of body) {
      let from = 0;
      for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
        take(chunk.subarray(from, end));
        from = end + 1;
        if (batch.length >= limits.batchLinesMax) {
          yield batch;
          batch = [];
        }
      }
      carry.add(chunk.subarray(from));
      if (batch.length > 0) yield batch;
      batch = [];
    }
    if (carry.isOpen) take(Buffer.alloc(0));
    if (batch.length > 0) yield batch;
  } finally {
    carry.drop();
  }
}

/**
 * A line of which the end has not come. Its pieces are copied together: one byte that comes in a
 * chunk of its own would else take five hundred.
 */
class Carry {
  readonly #bytesMax: number;
  readonly #held: Held;
  #line: GrowingBytes | undefined;
  #bytes = 0;
  #refused: PenstockError | undefined;

  constructor(bytesMax: number, held: Held) {
    this.#bytesMax = bytesMax;
    this.#held = held;
  }

  get isOpen(): boolean {
    return this.#bytes > 0;
  }

  add(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#bytes += bytes.length;
    this.#check();
    if (this.#refused !== undefined) return;
    try {
      this.#held.add(bytes.length);
      this.#line ??= new GrowingBytes();
      this.#line.append(bytes);
    } catch (caught) {
      this.#refuse(PenstockError.from(caught));
    }
  }

  /** The whole line, with its last bytes; or why it was not kept. */
  end(rest: Buffer): Buffer | PenstockError {
    this.#bytes += rest.length;
    this.#check();
    const carried = this.#line;
    if (this.#refused === undefined) carried?.append(rest);
    const line = this.#refused ?? carried?.bytes ?? rest;
    this.drop();
    return line;
  }

  /** Lets go of what it holds. */
  drop(): void {
    this.#held.release();
    this.#line = undefined;
    this.#bytes = 0;
    this.#refused = undefined;
  }

  #check(): void {
    if (this.#refused !== undefined || this.#bytes <= this.#bytesMax) return;
    this.#refuse(
      new PenstockError("payload_too_large", `The line is longer than ${this.#bytesMax} bytes.`),
    );
  }

  #refuse(error: PenstockError): void {
    this.#held.release();
    this.#line = undefined;
    this.#refused = error;
  }
}

function isBlank(line: Buffer): boolean {
  for (const byte of line) if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0d) return false;
  return true;
}
