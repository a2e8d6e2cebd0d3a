import { FIELD_ERRORS_MAX, type Parsed, schemaErrors } from "@penstock-dev/contract";
import { z } from "zod";

const HEX_32 = /^0x[0-9a-fA-F]{64}$/;
const chain = z
  .string("must be a text")
  .regex(/^[A-Z][A-Z0-9_-]{0,31}$/, "must be a chain's name in upper case, such as ETH");
const hash = z.string("must be a text").regex(HEX_32, "must be 0x and 64 hex digits");
const hex = z
  .string("must be a text")
  .regex(/^0x[0-9a-fA-F]{1,64}$/, "must be a hex quantity such as 0x1b4");
const whole = hex.refine(
  // What is no quantity is refused by its form alone.
  (value) => !/^0x[0-9a-fA-F]+$/.test(value) || BigInt(value) <= Number.MAX_SAFE_INTEGER,
  "must fit 53 bits",
);
/** Seconds since 1970 of the last year that a time is written with in four digits. */
const SECONDS_MAX = 253_402_300_799;
const seconds = whole.refine(
  (value) => !(Number(value) > SECONDS_MAX),
  "must be before the year 10000",
);
const bytes = z.string("must be a text").regex(/^0x(?:[0-9a-fA-F]{2})*$/, "must be hex bytes");
const address = z
  .string("must be a text")
  .regex(/^0x[0-9a-fA-F]{40}$/, "must be 0x and 40 hex digits");
const utxoHash = z.string("must be a text").regex(/^[0-9a-fA-F]{64}$/, "must be 64 hex digits");

const evmTransaction = z.looseObject(
  {
    hash,
    from: address,
    to: address.nullable().optional(),
    value: hex,
    nonce: hex,
    input: bytes,
    transactionIndex: hex,
    gasPrice: hex.optional(),
  },
  "must be a whole transaction, not its hash: ask the node for full transactions",
);

const evmBlock = z.looseObject({
  number: whole,
  hash,
  parentHash: hash,
  timestamp: seconds,
  gasUsed: hex,
  gasLimit: hex,
  baseFeePerGas: hex.optional(),
  transactions: z.array(evmTransaction),
});

const evmLog = z.looseObject({
  address,
  topics: z.array(hash).max(4, "must have at most 4 topics"),
  data: bytes,
  logIndex: hex,
});

const evmReceipt = z.looseObject({
  transactionHash: hash,
  transactionIndex: hex,
  status: hex.optional(),
  gasUsed: hex,
  effectiveGasPrice: hex.optional(),
  contractAddress: address.nullable().optional(),
  logs: z.array(evmLog),
});

const amount = z.union([z.number(), z.string()]);
const script = z.looseObject({
  address: z.string().optional(),
  addresses: z.array(z.string()).optional(),
});
const utxoOutput = z.looseObject({ value: amount, scriptPubKey: script });
const utxoTransaction = z.looseObject({
  txid: utxoHash,
  vin: z.array(z.looseObject({ coinbase: z.string().optional(), prevout: utxoOutput.optional() })),
  vout: z.array(utxoOutput),
  fee: amount.optional(),
});

const utxoBlock = z.looseObject({
  hash: utxoHash,
  height: z.int("must be a whole number").nonnegative(),
  previousblockhash: utxoHash.optional(),
  time: z.int("must be seconds since 1970").min(0).max(SECONDS_MAX).optional(),
  size: z.int().optional(),
  weight: z.int().optional(),
  chainwork: z
    .string()
    .regex(/^[0-9a-fA-F]{1,64}$/, "must be hex digits")
    .optional(),
  difficulty: z.number().optional(),
  tx: z
    .array(utxoTransaction, "must be a list of whole transactions: ask with verbosity 2")
    .optional()
    .describe("Left out where only the header is known."),
});

const mark = z.literal(true, "must be true, or left out").optional();
const marks = {
  head: mark.describe("The block is the chain's head, whatever its length."),
  start: mark.describe(
    "A recording begins here: where the block connects to nothing that is known, the chain goes on with it and nothing is undone; where it connects, or is known, this changes nothing.",
  ),
};

const evmRecord = z.strictObject({
  type: z.literal("block"),
  chain,
  block: evmBlock,
  receipts: z.array(evmReceipt, "must be the block's receipts: eth_getBlockReceipts"),
  ...marks,
});

const utxoRecord = z.strictObject({
  type: z.literal("block"),
  chain,
  block: utxoBlock,
  ...marks,
});

const text = z
  .string("must be a text")
  .min(1, "must not be empty")
  .max(128, "must have at most 128 characters")
  .refine((value) => value.isWellFormed(), "must be well-formed Unicode");
const decimal = z.union(
  [z.number().nonnegative(), z.string().regex(/^\d{1,60}(\.\d{1,60})?$/)],
  'must be a number or a decimal text such as "1.5"',
);

const loneRecord = z.strictObject({
  type: z.literal("tx"),
  chain,
  id: text.optional(),
  hash: text.optional(),
  from: text,
  to: text.nullable().optional(),
  value: decimal,
  fee: decimal.optional(),
  nonce: z.int().nonnegative().optional(),
  method: z
    .string()
    .regex(/^0x[0-9a-fA-F]{8}$/, "must be 0x and 8 hex digits")
    .optional(),
  status: z.enum(["success", "failed"], "must be success or failed").optional(),
  contract_created: text.optional(),
  timestamp: z.iso
    .datetime({ offset: true, error: "must be an ISO 8601 time with a zone" })
    .optional(),
});

const finalRecord = z.strictObject({
  type: z.literal("final"),
  chain,
  number: z.int("must be a whole number").nonnegative("must not be negative"),
  hash: text,
});

export type EvmRecord = z.infer<typeof evmRecord>;
export type UtxoRecord = z.infer<typeof utxoRecord>;
export type LoneRecord = z.infer<typeof loneRecord>;
export type FinalRecord = z.infer<typeof finalRecord>;
export type RawChainRecord = EvmRecord | UtxoRecord | LoneRecord | FinalRecord;

/** What a raw record may be, as a JSON Schema. */
export const rawChainSchema = {
  anyOf: [evmRecord, utxoRecord, loneRecord, finalRecord].map((schema) =>
    z.toJSONSchema(schema, { unrepresentable: "any" }),
  ),
};

const TYPES = ["block", "tx", "final"];

/** Reads one raw record: strict on its own members, lenient inside what nodes write. */
export function parseRawChainRecord(value: unknown): Parsed<RawChainRecord> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return refused("", "must be a JSON object");
  if (Object.hasOwn(value, "__proto__"))
    return refused("/__proto__", "is not a member of a chain record");
  const type = Reflect.get(value, "type") as unknown;
  if (!TYPES.includes(String(type))) return refused("/type", `must be one of ${TYPES.join(", ")}`);
  const schema = schemaOf(String(type), value);
  const result = schema.safeParse(value);
  if (result.success) return { ok: true, value: result.data as RawChainRecord };
  return {
    ok: false,
    errors: result.error.issues
      .slice(0, FIELD_ERRORS_MAX)
      .flatMap((issue) =>
        schemaErrors(issue, Object.keys(schema.shape), "is not a member of this record"),
      ),
  };
}

function schemaOf(type: string, value: object): z.ZodObject {
  if (type === "tx") return loneRecord;
  if (type === "final") return finalRecord;
  const block = Reflect.get(value, "block") as unknown;
  const isUtxo = typeof block === "object" && block !== null && "height" in block;
  return isUtxo ? utxoRecord : evmRecord;
}

function refused(path: string, message: string): Parsed<RawChainRecord> {
  return { ok: false, errors: [{ path, message }] };
}
