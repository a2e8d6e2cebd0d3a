/** Bytes that come piece by piece: they take at most twice what has come, and hold no piece. */
export class GrowingBytes {
  #bytes: Buffer = Buffer.allocUnsafeSlow(128);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** What has come, as a view. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Takes a copy of a piece, and answers that copy as a view. */
  append(piece: Uint8Array): Buffer {
    const from = this.#length;
    const length = from + piece.length;
    if (length > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(length, this.#bytes.length * 2));
      grown.set(this.bytes);
      this.#bytes = grown;
    }
    this.#bytes.set(piece, from);
    this.#length = length;
    return this.#bytes.subarray(from, length);
  }
}
