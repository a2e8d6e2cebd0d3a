/** What is followed stands in the page's address, so that a reload keeps it and a link shares it. */

const STREAM = "stream";
const SINCE = "since";

/**
 * What the address asks for: a stream's name, where to begin, and conditions; each undefined or
 * empty where it says nothing.
 */
export function asked() {
  const query = new URLSearchParams(location.search);
  const conditions = [...query].filter(([name]) => name !== STREAM && name !== SINCE);
  return {
    stream: query.get(STREAM) ?? undefined,
    since: query.get(SINCE) ?? undefined,
    conditions: conditions.map(([member, values]) => ({ member, values })),
  };
}

/** Puts into the address what is followed. */
export function keep(stream, rule, since) {
  const query = new URLSearchParams({ [STREAM]: stream, [SINCE]: since });
  for (const [member, values] of Object.entries(rule)) query.append(member, String(values));
  // A comma parts values, and reads better as it is.
  const text = String(query).replaceAll("%2C", ",");
  history.replaceState(null, "", `${location.pathname}?${text}${location.hash}`);
}
