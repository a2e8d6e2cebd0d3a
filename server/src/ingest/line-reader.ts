/** One line of a body. */
export interface Line {
  /** From 1, blank lines counted. */
  readonly number: number;
  /** Undefined where the line is longer than allowed. */
  readonly bytes: Buffer | undefined;
}

const NEWLINE = 0x0a;

/**
 * Cuts a body into batches of lines as its bytes come; holds one line and one chunk of the body at
 * the most. Blank lines are passed over.
 */
export async function* readLines(
  body: AsyncIterable<Buffer>,
  limits: { readonly lineBytesMax: number; readonly batchLinesMax: number },
): AsyncIterable<readonly Line[]> {
  let carry: Buffer[] = [];
  let carried = 0;
  let tooLong = false;
  let number = 0;
  let batch: Line[] = [];
  const take = (rest: Buffer): void => {
    number += 1;
    const long = tooLong || carried + rest.length > limits.lineBytesMax;
    const whole = carry.length === 0 ? rest : Buffer.concat([...carry, rest]);
    carry = [];
    carried = 0;
    tooLong = false;
    if (long) batch.push({ number, bytes: undefined });
    else if (!isBlank(whole)) batch.push({ number, bytes: whole });
  };
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
    const rest = chunk.subarray(from);
    carried += rest.length;
    if (carried > limits.lineBytesMax) {
      tooLong = true;
      carry = [];
    } else if (rest.length > 0) {
      carry.push(rest);
    }
    if (batch.length > 0) yield batch;
    batch = [];
  }
  if (carried > 0) take(Buffer.alloc(0));
  if (batch.length > 0) yield batch;
}

function isBlank(line: Buffer): boolean {
  for (const byte of line) if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0d) return false;
  return true;
}
