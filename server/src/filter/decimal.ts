/**
 * Exact comparison of decimal numbers of any size, as text: amounts on chains have more digits than
 * a floating-point number holds.
 */

const DECIMAL = /^([+-]?)(\d{1,100})(?:\.(\d{1,100}))?(?:[eE]([+-]?\d{1,3}))?$/;

/** A decimal's one canonical text, or undefined where the text is none: `1.50` and `15e-1` are `1.5`. */
export function canonicalDecimal(text: string): string | undefined {
  if (isCanonical(text)) return text;
  const match = DECIMAL.exec(text);
  if (match === null) return undefined;
  const [, sign, whole = "", fraction = "", exponent] = match;
  const digits =
    exponent === undefined ? trimmed(whole, fraction) : shifted(whole, fraction, Number(exponent));
  return sign === "-" && digits !== "0" ? `-${digits}` : digits;
}

/** Whether a text is a canonical decimal without a sign: most amounts are written so. */
function isCanonical(text: string): boolean {
  const { length } = text;
  if (length === 0 || length > 100) return false;
  let point = -1;
  for (let at = 0; at < length; at++) {
    const unit = text.charCodeAt(at);
    if (unit >= 48 && unit <= 57) continue;
    if (unit !== 46 || point >= 0) return false;
    point = at;
  }
  const whole = point < 0 ? length : point;
  if (whole === 0 || (whole > 1 && text.charCodeAt(0) === 48)) return false;
  return point < 0 || (point < length - 1 && text.charCodeAt(length - 1) !== 48);
}

/** Digits with the point moved right, or left where `by` is negative. */
function shifted(whole: string, fraction: string, by: number): string {
  const digits = whole + fraction;
  const point = whole.length + by;
  if (point <= 0) return trimmed("0", "0".repeat(-point) + digits);
  const padded = digits.padEnd(point, "0");
  return trimmed(padded.slice(0, point), padded.slice(point));
}

function trimmed(whole: string, fraction: string): string {
  const front = whole.replace(/^0+(?=\d)/, "");
  const back = fraction.replace(/0+$/, "");
  return back === "" ? front : `${front}.${back}`;
}

/** Negative, zero or positive as one canonical decimal is below, equal to or above another. */
export function compareDecimals(a: string, b: string): number {
  const aNegative = a.startsWith("-");
  const bNegative = b.startsWith("-");
  if (aNegative !== bNegative) return aNegative ? -1 : 1;
  return aNegative ? compareMagnitudes(b.slice(1), a.slice(1)) : compareMagnitudes(a, b);
}

function compareMagnitudes(a: string, b: string): number {
  const [aWhole = "", aFraction = ""] = a.split(".");
  const [bWhole = "", bFraction = ""] = b.split(".");
  if (aWhole.length !== bWhole.length) return aWhole.length - bWhole.length;
  if (aWhole !== bWhole) return aWhole < bWhole ? -1 : 1;
  if (aFraction === bFraction) return 0;
  return aFraction < bFraction ? -1 : 1;
}

/**
 * The nearest floating-point number, never infinite. It keeps the order of decimals, but not their
 * difference: an index finds candidates by it, and compares exactly afterwards.
 */
export function nearestNumber(decimal: string): number {
  const number = Number(decimal);
  return Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, number));
}
