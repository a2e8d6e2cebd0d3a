/** `/docs`: the calls of the HTTP surface, for people, from the OpenAPI document. */
import type { JsonSchema } from "./components.ts";
import { type Html, html, prose } from "./html.ts";
import { page } from "./page.ts";

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly description?: string;
  readonly schema: JsonSchema;
}

interface Media {
  readonly schema?: JsonSchema;
}

interface Call {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<
    Record<
      string,
      { readonly description: string; readonly content?: Readonly<Record<string, Media>> }
    >
  >;
}

interface Entry {
  readonly method: string;
  readonly path: string;
  readonly call: Call;
}

/** @param document as `openApi` makes it */
export function referencePage(document: JsonSchema): string {
  const paths = document.paths as Readonly<Record<string, Readonly<Record<string, Call>>>>;
  const entries = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, call]): Entry => ({ method, path, call })),
  );
  const groups = Map.groupBy(entries, ({ call }) => call.tags[0] ?? "");
  const { schemas } = document.components as {
    readonly schemas: Readonly<Record<string, JsonSchema>>;
  };
  return page(
    "Penstock: the HTTP surface",
    html`<header><h1>The HTTP surface</h1>
<p>For machines: <a href="/v1/openapi.json">OpenAPI</a>, and <a href="/v1/asyncapi.json">AsyncAPI</a> for what streams carry.
Errors: <a href="/docs/errors">every code</a>. <a href="/">Follow a stream</a> in this browser.</p></header>
<nav aria-label="Calls">${[...groups].map(([name, found]) => menu(name, found))}</nav>
<main>${[...groups].map(([name, found]) => html`<section><h2>${name}</h2>${found.map(entryOf)}</section>`)}
<section><h2>Schemas</h2>${Object.entries(schemas).map(([name, schema]) => schemaOf(name, schema))}</section></main>`,
  );
}

function menu(name: string, entries: readonly Entry[]): Html {
  const items = entries.map(
    ({ method, path, call }) =>
      html`<li><a href="#${call.operationId}"><b>${method.toUpperCase()}</b> ${path}</a></li>`,
  );
  return html`<h2>${name}</h2><ul>${items}</ul>`;
}

function entryOf({ method, path, call }: Entry): Html {
  return html`<article id="${call.operationId}"><h3><b>${method.toUpperCase()}</b> ${path}</h3>
<p>${prose(call.summary)}.${call.description === undefined ? "" : html` ${prose(call.description)}`}</p>
${call.parameters === undefined ? "" : parametersOf(call.parameters)}
${call.requestBody === undefined ? "" : html`<h4>Body</h4>${contentOf(call.requestBody.content)}`}
<h4>Answers</h4><table><tbody>${Object.entries(call.responses).map(
    ([status, { description, content }]) =>
      html`<tr><th scope="row">${status}</th><td>${prose(description)} ${contentOf(content ?? {})}</td></tr>`,
  )}</tbody></table></article>`;
}

function parametersOf(parameters: readonly Parameter[]): Html {
  const rows = parameters.map(
    ({ name, in: place, description, schema }) =>
      html`<tr><th scope="row"><code>${name}</code></th><td>${place}</td><td>${prose(description ?? "")} ${values(schema)}</td></tr>`,
  );
  return html`<h4>Parameters</h4><table><tbody>${rows}</tbody></table>`;
}

function values(schema: JsonSchema): Html {
  const { items, default: fallback } = schema as { items?: JsonSchema; default?: unknown };
  const found = (schema.enum ?? items?.enum) as readonly string[] | undefined;
  return html`${found === undefined ? "" : html`One of ${found.join(", ")}.`}${
    fallback === undefined ? "" : html` Default ${String(fallback)}.`
  }`;
}

function contentOf(content: Readonly<Record<string, Media>>): Html {
  const items = Object.entries(content).map(([type, { schema }]) => {
    const name =
      String(schema?.$ref ?? "")
        .split("/")
        .at(-1) ?? "";
    return html`<li><code>${type}</code> <a href="#schema-${name}">${name}</a></li>`;
  });
  return items.length === 0 ? html`` : html`<ul class="content">${items}</ul>`;
}

function schemaOf(name: string, schema: JsonSchema): Html {
  return html`<details id="schema-${name}"><summary>${name}</summary><pre>${JSON.stringify(schema, undefined, 2)}</pre></details>`;
}
