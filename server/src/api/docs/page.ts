import { type Html, html } from "./html.ts";

/** One page of the documentation. @param title without markup */
export function page(title: string, body: Html): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="/icon.svg">
<link rel="stylesheet" href="/docs.css">
</head>
<body>${body}</body>
</html>
`.text;
}

/** How the pages look. */
export const STYLE = `:root { --text: #16202a; --soft: #5a6772; --back: #fff; --edge: #d8dee4; --mark: #0b6e70; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6edf3; --soft: #9aa7b4; --back: #10161c; --edge: #2c3640; --mark: #6fd3cb; }
}
body { margin: 0 auto; max-width: 72rem; padding: 1.5rem; font: 1rem/1.5 system-ui, sans-serif; color: var(--text); background: var(--back); }
a { color: var(--mark); }
h1 { margin: 0; }
h2 { margin-top: 2rem; }
h3 { overflow-wrap: anywhere; }
h3 b, nav b { color: var(--mark); font-size: 0.8em; }
article { border-top: 1px solid var(--edge); padding-top: 0.5rem; }
article:target, tr:target { outline: 2px solid var(--mark); outline-offset: 4px; }
nav ul { columns: 20rem; list-style: none; padding: 0; }
nav li { overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; display: block; overflow-x: auto; }
th, td { text-align: left; vertical-align: top; padding: 0.3rem 0.8rem 0.3rem 0; border-bottom: 1px solid var(--edge); }
code, pre { font: 0.9em ui-monospace, monospace; }
pre { overflow-x: auto; padding: 0.8rem; border: 1px solid var(--edge); }
.content { margin: 0; padding-left: 1rem; color: var(--soft); }
`;
