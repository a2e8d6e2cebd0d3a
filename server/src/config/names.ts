import type { Option } from "../option.ts";
import { type SectionName, sections } from "./sections.ts";

/** One option, with the names that it has outside. */
export interface NamedOption {
  readonly section: SectionName;
  readonly key: string;
  readonly option: Option;
  /** In its section of the file: `behind_after`. */
  readonly yaml: string;
  /** `--deliver-behind-after` */
  readonly flag: string;
  /** `PENSTOCK_DELIVER_BEHIND_AFTER` */
  readonly variable: string;
}

/** Every option there is, in the order of the file. */
export const namedOptions: readonly NamedOption[] = Object.entries(sections).flatMap(
  ([section, table]) =>
    Object.entries(table as { [key: string]: Option }).map(([key, option]) => {
      const yaml = yamlName(key, option);
      const path = section === "server" ? yaml : `${section}_${yaml}`;
      return {
        section: section as SectionName,
        key,
        option,
        yaml,
        flag: `--${path.replaceAll("_", "-")}`,
        variable: `PENSTOCK_${path.toUpperCase()}`,
      };
    }),
);

function yamlName(key: string, option: Option): string {
  const bare = option.kind === "duration" ? key.replace(/Ms$/, "") : key;
  return bare.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
