/** What is known of a chain besides its blocks. */
export interface ChainSettings {
  readonly family: "evm" | "utxo";
  /** Decimals of the main unit. */
  readonly decimals: number;
  /** Blocks this far below the head count as final; undefined where the chain reports finality. */
  readonly finalDepth: number | undefined;
}

const EVM: ChainSettings = { family: "evm", decimals: 18, finalDepth: undefined };
const UTXO: ChainSettings = { family: "utxo", decimals: 8, finalDepth: 6 };
const UTXO_CHAINS = new Set(["BTC", "LTC", "DOGE", "BCH"]);

/** A chain's settings, by its name. */
export type SettingsOf = (chain: string) => ChainSettings;

/** The settings of a configuration: what it does not name is by the chain's family. */
export function chainSettings(
  configured: Readonly<Record<string, Partial<ChainSettings>>>,
): SettingsOf {
  return (chain) => {
    const own = Object.hasOwn(configured, chain) ? configured[chain] : undefined;
    const isUtxo = own?.family === undefined ? UTXO_CHAINS.has(chain) : own.family === "utxo";
    return { ...(isUtxo ? UTXO : EVM), ...own };
  };
}
