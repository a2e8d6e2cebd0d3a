import type { DomainEvent, FieldDefinition } from "@penstock-dev/contract";

const text = (value: unknown): string | undefined =>
  typeof value === "string" ? value : undefined;

/** The addresses of a transaction's inputs or outputs, behind those that were found. */
function withParties(found: string[], list: unknown): string[] {
  if (!Array.isArray(list)) return found;
  for (const { address } of list as readonly { readonly address: string | null }[])
    if (address !== null) found.push(address);
  return found;
}

/** A member that is one address, and the addresses of inputs or outputs. */
function sides(single: unknown, list: unknown): string | readonly string[] | undefined {
  const address = text(single);
  if (!Array.isArray(list)) return address;
  return withParties(address === undefined ? [] : [address], list);
}

/** Whether a text is 0x and 40 hex digits in lower case, as most addresses are. */
function isSmallAddress(value: string): boolean {
  if (value.length !== 42 || !value.startsWith("0x")) return false;
  for (let at = 2; at < 42; at++) {
    const unit = value.charCodeAt(at);
    if (unit < 48 || unit > 102 || (unit > 57 && unit < 97)) return false;
  }
  return true;
}

/** An address as it is compared: hex in lower case; of a UTXO chain as it is. */
function normaliseAddress(value: string): { readonly value: string } | { readonly wrong: string } {
  if (isSmallAddress(value)) return { value };
  if (/^0x/i.test(value)) {
    if (/^0x[0-9a-f]{40}$/i.test(value)) return { value: value.toLowerCase() };
    return { wrong: `must be 0x and 40 hex digits; it has ${value.length - 2}` };
  }
  if (/^(bc1|tb1|bcrt1|ltc1)[02-9ac-hj-np-z]{6,87}$/i.test(value))
    return { value: value.toLowerCase() };
  if (/^[1-9A-HJ-NP-Za-km-z]{25,62}$/.test(value)) return { value };
  return { wrong: "must be an address: 0x and 40 hex digits, or one of a UTXO chain" };
}

function normaliseHex(digits: number) {
  return (value: string) =>
    new RegExp(`^0x[0-9a-f]{${digits}}$`, "i").test(value)
      ? { value: value.toLowerCase() }
      : { wrong: `must be 0x and ${digits} hex digits` };
}

const addressField = (description: string, take: FieldDefinition["take"]): FieldDefinition => ({
  kind: "set",
  description,
  example: "0xdac17f958d2ee523a2206206994597c13d831ec7",
  normalise: normaliseAddress,
  take,
});

/** Every address that an event concerns, in any role; of a log, its contract only. */
function addresses({ event_type, payload }: DomainEvent): string | string[] | undefined {
  if (event_type === "log") return text(payload.contract);
  const found: string[] = [];
  for (const value of [payload.from, payload.to, payload.contract_created, payload.token])
    if (typeof value === "string") found.push(value);
  return withParties(withParties(found, payload.inputs), payload.outputs);
}

/** What of a chain's events can be filtered. */
export const chainFields: Readonly<Record<string, FieldDefinition>> = {
  chain: {
    kind: "exact",
    description: "The chain's name.",
    example: "ETH",
    normalise: (value) => ({ value: value.toUpperCase() }),
    take: ({ payload }) => text(payload.chain),
  },
  address: addressField(
    "An address in any role: sender, receiver, contract, token, input or output.",
    addresses,
  ),
  from: addressField("Who sent.", ({ payload }) => sides(payload.from, payload.inputs)),
  to: addressField("Who received.", ({ payload }) => sides(payload.to, payload.outputs)),
  contract: addressField(
    "The contract that logged, was called or was created.",
    ({ event_type, payload }) =>
      event_type === "log" ? text(payload.contract) : text(payload.contract_created),
  ),
  token: addressField("The token's contract.", ({ payload }) => text(payload.token)),
  topic0: {
    kind: "exact",
    description: "A log's first topic: the event's signature.",
    example: "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef",
    normalise: normaliseHex(64),
    take: ({ payload }) =>
      Array.isArray(payload.topics) ? (payload.topics as string[]).slice(0, 1) : [],
  },
  method: {
    kind: "exact",
    description: "The selector of the function that a transaction called.",
    example: "0xa9059cbb",
    normalise: normaliseHex(8),
    take: ({ payload }) => text(payload.method),
  },
  value: {
    kind: "range",
    description: "A transaction's amount in the chain's main unit.",
    example: "1.5",
    take: ({ event_type, payload }) => (event_type === "tx" ? text(payload.value) : undefined),
  },
  region: {
    kind: "exact",
    description: "Where the record is from, if its producer says so in the header `region`.",
    example: "eu",
    take: ({ region }) => region,
  },
};
