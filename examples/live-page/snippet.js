/** What the form asks, as it is written elsewhere. */

/**
 * @param language `curl`, `cli` or `sdk`
 * @param rule the filters
 * @param from `now`, `earliest` or a duration
 */
export function snippet(language, stream, rule, from) {
  const entries = Object.entries(rule).map(([member, values]) => [member, String(values)]);
  if (language === "cli") {
    const flags = entries.map(([member, values]) => ` --filter ${quoted(`${member}=${values}`)}`);
    const since = from === "now" ? "" : ` --since ${from}`;
    const target =
      location.origin === "http://127.0.0.1:8080" ? "" : `PENSTOCK_URL=${location.origin} `;
    return `${target}npx penstock tail ${stream}${flags.join("")}${since}`;
  }
  if (language === "sdk") {
    const start = from === "now" || from === "earliest" ? from : { ago: from };
    const options = { filters: rule, ...(from === "now" ? {} : { start }) };
    return `import { Penstock } from "@penstock-dev/client";

const penstock = new Penstock({ url: "${location.origin}" });
for await (const event of penstock.stream("${stream}", ${JSON.stringify(options)})) {
  console.log(event);
}`;
  }
  const query = new URLSearchParams(entries);
  if (from !== "now") query.set("since", from);
  const text = String(query).replaceAll("%2C", ",");
  return `curl -N ${quoted(`${location.origin}/v1/${stream}/live${text === "" ? "" : `?${text}`}`)}`;
}

/** As a shell takes it for one word. */
function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
