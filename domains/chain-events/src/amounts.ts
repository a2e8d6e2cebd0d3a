/** The integer that a node's hex quantity means, as decimal text. */
export function quantity(hex: string): string {
  return BigInt(hex).toString();
}

/** The number that a node's hex quantity means; for counts, gas and times, which fit. */
export function count(hex: string): number {
  return Number(BigInt(hex));
}

/** A raw amount in the main unit, as a decimal text without trailing zeros. */
export function inMainUnit(raw: bigint, decimals: number): string {
  const negative = raw < 0n;
  const digits = (negative ? -raw : raw).toString().padStart(decimals + 1, "0");
  const whole = digits.slice(0, digits.length - decimals);
  const fraction = digits.slice(digits.length - decimals).replace(/0+$/, "");
  return `${negative ? "-" : ""}${whole}${fraction === "" ? "" : `.${fraction}`}`;
}

/** An amount of the main unit as its raw integer; undefined where it has more decimals than there are. */
export function toRaw(amount: string | number, decimals: number): bigint | undefined {
  const text = typeof amount === "number" ? plain(amount, decimals) : amount;
  const match = /^(\d{1,60})(?:\.(\d{1,60}))?$/.exec(text);
  if (match === null) return undefined;
  const fraction = (match[2] ?? "").replace(/0+$/, "");
  if (fraction.length > decimals) return undefined;
  return BigInt((match[1] ?? "") + fraction.padEnd(decimals, "0"));
}

/** A JSON number without an exponent, rounded to the unit's decimals. */
function plain(amount: number, decimals: number): string {
  const text = String(amount);
  if (!/e/i.test(text)) return text;
  return amount >= 1e21 ? BigInt(amount).toString() : amount.toFixed(Math.min(100, decimals));
}
