const DURATION_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

const BYTES: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
};

/** The milliseconds that a text like `250ms`, `30s`, `10m`, `24h` or `7d` means, or undefined. */
export function parseDurationMs(text: string): number | undefined {
  const match = /^(\d{1,12}(?:\.\d{1,6})?)(ms|s|m|h|d)$/.exec(text.trim());
  return match === null ? undefined : Number(match[1]) * (DURATION_MS[match[2] ?? ""] ?? 0);
}

/** The bytes that a text like `512B`, `64KiB`, `1MiB` or `10GiB` means, or undefined. */
export function parseBytes(text: string): number | undefined {
  const match = /^(\d{1,12}(?:\.\d{1,6})?)(B|KiB|MiB|GiB|TiB)$/.exec(text.trim());
  return match === null ? undefined : Number(match[1]) * (BYTES[match[2] ?? ""] ?? 0);
}
