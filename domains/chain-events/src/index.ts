/**
 * The chain-events domain: blocks, transactions, transfers and logs of EVM and UTXO chains, with
 * reorganisations. One partition holds a chain whole; what a reorg removes is sent again as an undo,
 * newest first, before the new branch.
 */
import { asDomain, type Domain } from "@penstock-dev/contract";
import { type ChainSettings, chainSettings } from "./chains.ts";
import { demoChains } from "./demo.ts";
import { chainFields } from "./fields.ts";
import { payloadSchemas } from "./payload-schemas.ts";
import { applyChainRecord, type ChainState, chainStateFrom, createChainState } from "./process.ts";
import { parseRawChainRecord, type RawChainRecord, rawChainSchema } from "./raw-record.ts";
import { endOfChainRecording, fromChainRecording } from "./recording.ts";

const type = (noun: keyof typeof payloadSchemas, description: string) => ({
  noun,
  description,
  schema: payloadSchemas[noun],
});

/** The domain with settings of its own for some chains, by their names. */
export function createChainEvents(
  configured: Readonly<Record<string, Partial<ChainSettings>>> = {},
): Domain {
  const settingsOf = chainSettings(configured);
  const domain: Domain<RawChainRecord, ChainState> = {
    name: "chain-events",
    description: "Blocks, transactions, transfers and logs of chains, with reorganisations.",
    topics: { raw: "chain-events", enriched: "chain-events.enriched", final: "chain-events.final" },
    ingest: {
      schema: rawChainSchema,
      parse: parseRawChainRecord,
      complete: (raw, { newId }) =>
        raw.type === "tx" && raw.hash === undefined && raw.id === undefined
          ? { ...raw, id: newId() }
          : raw,
      key: (raw) => raw.chain,
      id: idOf,
    },
    process: {
      create: createChainState,
      apply: (raw, state, offset, headers) =>
        applyChainRecord(raw, state, offset, settingsOf, headers?.region),
      stateFrom: chainStateFrom,
    },
    event_types: {
      block: type("block", "A block became part of the chain."),
      tx: type("tx", "A transaction."),
      transfer: type("transfer", "A token moved."),
      log: type("log", "A contract logged."),
      reorg: {
        ...type("reorg", "Blocks of the chain were replaced."),
        broadcast: { field: "chain" },
      },
      final: { ...type("final", "A block and all before it are final."), on_request: true },
    },
    fields: chainFields,
    latestBy: ({ event_type, payload }) =>
      JSON.stringify([
        event_type,
        payload.chain,
        payload.token ?? payload.contract,
        payload.from,
        payload.to,
      ]),
    fromRecording: fromChainRecording,
    endOfRecording: endOfChainRecording,
    demo: demoChains,
  };
  return asDomain(domain);
}

function idOf(raw: RawChainRecord): string {
  if (raw.type === "tx") return `${raw.chain}:tx:${raw.hash ?? raw.id ?? ""}`;
  const hash = raw.type === "final" ? raw.hash : raw.block.hash;
  return `${raw.chain}:${hash.toLowerCase()}:${raw.type}`;
}

export const chainEvents: Domain = createChainEvents();
export type { ChainSettings, RawChainRecord };
