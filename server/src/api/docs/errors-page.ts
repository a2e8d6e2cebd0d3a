/** `/docs/errors`: every error that Penstock says, from the catalogue. */
import { CLOSE, ERRORS, type Retry, retryOf } from "@penstock-dev/contract";
import { html, prose } from "./html.ts";
import { page } from "./page.ts";

/** What each range of close codes asks of a client. */
export const RETRY_MEANINGS: Readonly<Record<Retry, string>> = {
  reconnect: "Connect again, with backoff, and resume.",
  renew: "Renew the credential or the session, then resume.",
  choose: "Choose another start or policy; the same request fails again.",
  wait: "Wait as long as `retry_after_ms` says, then resume.",
  never: "Do not try again with the same request.",
};

export function errorsPage(): string {
  const rows = Object.entries(ERRORS).map(([code, { status, close, title, mend }]) => {
    const closeCode = CLOSE[close];
    return html`<tr id="${code}"><th scope="row"><code>${code}</code></th><td>${status}</td><td>${closeCode}</td>
<td>${prose(title)} ${prose(mend)}</td><td>${retryOf(closeCode)}</td></tr>`;
  });
  const meanings = Object.entries(RETRY_MEANINGS).map(
    ([retry, meaning]) => html`<tr><th scope="row">${retry}</th><td>${prose(meaning)}</td></tr>`,
  );
  return page(
    "Penstock: errors",
    html`<header><h1>Errors</h1><p>Each code is the same on every surface: in a problem document (RFC 9457) over HTTP,
in an <code>error</code> frame before a stream is closed. <a href="/docs">The HTTP surface</a></p></header>
<main><table><thead><tr><th>code</th><th>HTTP</th><th>close</th><th>what it is, and what to do</th><th>retry</th></tr></thead>
<tbody>${rows}</tbody></table><h2>What a range of close codes asks</h2><table><tbody>${meanings}</tbody></table></main>`,
  );
}
