import { namedOptions } from "./names.ts";

const HEAD = `# Every option of Penstock at its default, with the reason for it. What is commented out holds
# anyway. A flag (--deliver-behind-after 5s) beats a variable (PENSTOCK_DELIVER_BEHIND_AFTER=5s),
# which beats this file.
`;

const STREAMS = `
# The streams that are served. Left out: tweets and chain-events, each by its domain.
# streams:
#   tweets: { domain: tweets }
#   chain-events: { domain: chain-events }
#   orders:
#     topic: shop.orders.v1
#     noun: order
#     event_type: $.type
#     id: $.order_id
#     fields:
#       customer_ids: { path: $.customer.id, kind: exact }
#       amount: { path: $.total, kind: range }
`;

/** The text of `penstock.example.yaml`. */
export function exampleYaml(): string {
  const lines: string[] = [HEAD];
  let section = "server";
  for (const named of namedOptions) {
    if (named.section !== section) {
      section = named.section;
      lines.push(`\n# ${section}:`);
    }
    const indent = section === "server" ? "" : "  ";
    const value =
      named.option.kind === "list"
        ? "[]"
        : named.option.default === ""
          ? '""'
          : named.option.default;
    lines.push(`# ${indent}# ${named.option.reason}`);
    lines.push(`# ${indent}${named.yaml}: ${value}`);
  }
  return `${lines.join("\n")}\n${STREAMS}`;
}
