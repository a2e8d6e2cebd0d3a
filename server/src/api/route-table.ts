import type { FastifyInstance } from "fastify";

interface Entry {
  readonly method: string;
  /** As it was registered: `/v1/:stream/recent`. */
  readonly path: string;
  readonly pattern: RegExp;
}

/** Every address that an app knows, whoever registered it: what `Allow` and documentation need. */
export class RouteTable {
  readonly #entries: Entry[] = [];

  /** Begins to note what is registered on an app. */
  static install(app: FastifyInstance): RouteTable {
    const table = new RouteTable();
    app.addHook("onRoute", ({ method, url }) => {
      // Preflights are answered for every address, and are no call of their own.
      if (url === "*") return;
      const source = url
        .replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")
        .replaceAll(/:[A-Za-z_]+/g, "[^/]+");
      const pattern = new RegExp(`^${source}$`);
      for (const one of Array.isArray(method) ? method : [method]) {
        table.#entries.push({ method: one, path: url, pattern });
      }
    });
    return table;
  }

  get entries(): readonly { readonly method: string; readonly path: string }[] {
    return this.#entries;
  }

  /** The methods of an address; of one that is registered word for word, its own only. */
  methodsOf(path: string): readonly string[] {
    const exact = this.#entries.filter((entry) => entry.path === path);
    const found =
      exact.length > 0 ? exact : this.#entries.filter(({ pattern }) => pattern.test(path));
    return [...new Set(found.map(({ method }) => method))].sort();
  }
}
