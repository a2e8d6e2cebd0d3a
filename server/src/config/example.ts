import type { Option } from "../option.ts";
import { namedOptions } from "./names.ts";

const WIDTH = 100;

const HEAD = `# Every option of Penstock at its default: what it is, then why the default is what it is. What
# stands behind # alone is an option, and takes effect without it. A flag, such as
# --deliver-behind-after 5s, beats a variable, PENSTOCK_DELIVER_BEHIND_AFTER=5s, which beats this
# file. It is made by: npm run example-config
`;

const STREAMS = `
# The streams that are served. Left out: tweets and chain-events, and the domains named above.
#streams:
#  tweets: { domain: tweets }
#  chain-events: { domain: chain-events }
#  orders:
#    topic: shop.orders.v1
#    noun: order
#    event_type: $.type
#    id: $.order_id
#    fields:
#      customer_id: { path: $.customer.id, kind: exact }
#      tags: { path: "$.tags[*]", kind: set }
#      title: { path: $.title, kind: text }
#      amount: { path: $.total, kind: range } # filters min_amount and max_amount
#      region: { header: region, kind: exact }
#    omit: [$.customer.email]
#    latest_by: [customer_id]
`;

/** The text of `penstock.example.yaml`: it loads as it stands, and with every option taken in. */
export function exampleYaml(): string {
  const lines: string[] = [HEAD];
  let section = "server";
  for (const { section: own, option, yaml } of namedOptions) {
    if (own !== section) {
      section = own;
      lines.push("", `${section}:`);
    }
    const indent = section === "server" ? "" : "  ";
    const told = wrapped(`${option.what} ${option.reason}`, WIDTH - indent.length - 2);
    lines.push(...told.map((line) => `${indent}# ${line}`), `${indent}#${yaml}: ${shown(option)}`);
  }
  return `${lines.join("\n")}\n${STREAMS}`;
}

/** A text in lines of at most so many characters. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

/** A default as YAML. */
function shown(option: Option): string {
  const { default: value } = option;
  if (option.kind === "list")
    return JSON.stringify(value === "" ? [] : value.split(option.separator));
  return value === "" ? '""' : value;
}
