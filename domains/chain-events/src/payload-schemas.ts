import type { JsonSchema } from "@penstock-dev/contract";

const text = { type: "string" } as const;
const texts = { type: "array", items: text } as const;
const integer = { type: "integer" } as const;
const nullable = { type: ["string", "null"] } as const;
const name = {
  type: "object",
  required: ["number", "hash"],
  properties: { number: integer, hash: text },
} as const;
const names = { type: "array", items: name } as const;
const block = { ...name, properties: { ...name.properties, timestamp: text } } as const;
const party = { type: "object", properties: { address: nullable, value: nullable } } as const;

const object = (required: readonly string[], properties: JsonSchema): JsonSchema => ({
  type: "object",
  required: ["chain", ...required],
  properties: { chain: text, ...properties },
});

/** The payload of each event type. */
export const payloadSchemas = {
  block: object(["number", "hash"], {
    number: integer,
    hash: text,
    parent_hash: text,
    timestamp: text,
    tx_count: integer,
    gas_used: text,
    gas_limit: text,
    base_fee: text,
    size: integer,
    weight: integer,
  }),
  tx: object(["value", "value_raw"], {
    hash: text,
    index: integer,
    from: nullable,
    to: nullable,
    value: text,
    value_raw: text,
    status: { enum: ["success", "failed"] },
    fee: text,
    nonce: integer,
    method: text,
    contract_created: text,
    inputs: { type: "array", items: party },
    outputs: { type: "array", items: party },
    block,
  }),
  transfer: object(["standard", "token", "from", "to", "amount", "tx_hash", "log_index"], {
    standard: { enum: ["erc20", "erc721", "erc1155"] },
    token: text,
    from: text,
    to: text,
    amount: text,
    token_id: text,
    tx_hash: text,
    log_index: integer,
    batch_index: integer,
    block,
  }),
  log: object(["contract", "topics", "data", "tx_hash", "log_index"], {
    contract: text,
    topics: texts,
    data: text,
    tx_hash: text,
    log_index: integer,
    block,
  }),
  reorg: object(["common_ancestor", "removed", "added"], {
    common_ancestor: { anyOf: [name, { type: "null" }] },
    removed: names,
    added: names,
  }),
  final: object(["number", "hash"], { number: integer, hash: text }),
} as const;
