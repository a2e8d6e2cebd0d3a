/**
 * Exact comparison of decimal numbers of any size, as text: amounts on chains have more digits than
 * a floating-point number holds.
 */

/** A decimal's one canonical text, or undefined where the text is none: `1.50` and `+1.5` are `1.5`. */
export function canonicalDecimal(text: string): string | undefined {
  const match = /^([+-]?)(\d{1,100})(?:\.(\d{1,100}))?$/.exec(text);
  if (match === null) return undefined;
  const whole = (match[2] ?? "").replace(/^0+(?=\d)/, "");
  const fraction = (match[3] ?? "").replace(/0+$/, "");
  const digits = fraction === "" ? whole : `${whole}.${fraction}`;
  return match[1] === "-" && digits !== "0" ? `-${digits}` : digits;
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
