import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type ConfigInput, loadConfig, namedOptions } from "./index.ts";

const load = (input: Partial<ConfigInput> = {}) =>
  loadConfig({ flags: {}, env: {}, yaml: undefined, yamlName: "penstock.yaml", ...input });

const refuses = (input: Partial<ConfigInput>, message: RegExp): void => {
  assert.throws(
    () => load(input),
    ({ name, message: told }: Error) => {
      assert.equal(name, "ConfigError");
      assert.match(told, message);
      return true;
    },
  );
};

/** Another value of an option than its default, as a user would write it. */
function otherValue({ option, flag }: (typeof namedOptions)[number]): string {
  if (option.kind === "boolean") return option.default === "true" ? "false" : "true";
  const number = Number(option.default);
  const texts: Readonly<Record<string, readonly string[]>> = {
    duration: ["12345s", "7s"],
    bytes: ["77MiB"],
    number: [`${number + 1}`, `${number - 1}`],
  };
  const fits = texts[option.kind]?.find((text) => "value" in option.parse(text));
  if (fits !== undefined) return fits;
  if (flag === "--log-level") return "debug";
  if (flag === "--api-public-url") return "https://stream.example.com";
  if (flag === "--api-trusted-proxies") return "10.0.0.0/8";
  if (flag === "--api-allowed-origins") return "https://app.example.com";
  return "other";
}

/** A file that sets one option. */
function fileOf({ section, yaml }: (typeof namedOptions)[number], value: string): string {
  return section === "server" ? `${yaml}: ${value}\n` : `${section}:\n  ${yaml}: ${value}\n`;
}

/** Raised with others, where an option may not be more than another. */
const COMPANIONS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "--transports-unacked-bytes-min": { "transports-unacked-bytes-max": "80MiB" },
  "--ingest-source-retry": { "ingest-source-retry-max": "24h" },
};

describe("where options come from", () => {
  test("every option can be said by flag, by variable and in the file, with one meaning", () => {
    for (const named of namedOptions) {
      const value = otherValue(named);
      const flags = COMPANIONS[named.flag] ?? {};
      const read = (config: ReturnType<typeof load>) =>
        (config[named.section] as Readonly<Record<string, unknown>>)[named.key];
      const byFlag = read(load({ flags: { ...flags, [named.flag.slice(2)]: value } }));
      const byVariable = read(load({ flags, env: { [named.variable]: value } }));
      const byFile = read(load({ flags, yaml: fileOf(named, value) }));
      assert.deepEqual(byVariable, byFlag, named.variable);
      assert.deepEqual(byFile, byFlag, named.yaml);
      assert.notDeepEqual(byFlag, read(load()), named.flag);
    }
  });

  test("flags beat variables, variables the file, the file the defaults", () => {
    const yaml = "port: 1003\nlog:\n  retention: 3h\n";
    const env = { PENSTOCK_PORT: "1002", PENSTOCK_LOG_RETENTION: "2h" };
    const flags = { port: "1001" };
    assert.equal(load().server.port, 8080);
    assert.equal(load({ yaml }).server.port, 1003);
    assert.equal(load({ yaml, env }).server.port, 1002);
    assert.equal(load({ yaml, env, flags }).server.port, 1001);
    assert.equal(load({ yaml, env, flags }).log.retentionMs, 2 * 3_600_000);
    assert.equal(load({ yaml, flags }).log.retentionMs, 3 * 3_600_000);
  });

  test("a wrong value is told by where it stands", () => {
    refuses(
      { flags: { port: "x" } },
      /^--port must be a whole number, at least 0 and at most 65535/,
    );
    refuses({ env: { PENSTOCK_PORT: "x" } }, /^PENSTOCK_PORT must be a whole number.*it is "x"$/);
    refuses({ yaml: "port: x" }, /^port in penstock.yaml must be a whole number/);
    // Also where something else beats it: it would hold again without that.
    const flags = { port: "1" };
    refuses({ yaml: "port: x", flags }, /^port in penstock.yaml must be a whole number/);
    refuses({ env: { PENSTOCK_PORT: "x" }, flags }, /^PENSTOCK_PORT must be a whole number/);
    refuses(
      { yaml: "log: { retention: 5 }" },
      /^log.retention in penstock.yaml must be a duration/,
    );
  });
});

describe("what is unknown stops the start", () => {
  test("with its name, and the one that is like it", () => {
    refuses({ flags: { prot: "1" } }, /^--prot is no option; did you mean --port\?$/);
    refuses(
      { env: { PENSTOCK_PROT: "1" } },
      /^PENSTOCK_PROT is no option; did you mean PENSTOCK_PORT/,
    );
    refuses({ yaml: "prot: 1" }, /^prot in penstock.yaml is no option; did you mean port\?$/);
    refuses({ yaml: "ports: 1" }, /^ports in penstock.yaml is no option; did you mean port\?$/);
    refuses({ yaml: "log: { retenton: 1h }" }, /^log.retenton in .* did you mean log.retention\?$/);
    refuses(
      { yaml: "delivery: { drain: 1s }" },
      /^delivery in penstock.yaml is no option; did you mean deliver\?$/,
    );
  });

  test("but variables of others, and those of the CLI itself, are passed over", () => {
    load({ env: { PATH: "/bin", PENSTOCK_URL: "http://x", PENSTOCK_CONFIG: "y", PORT: "1" } });
  });

  test("names that every object has are no options", () => {
    for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
      refuses({ yaml: `${name}: 1` }, new RegExp(`^${name} in penstock.yaml is no option`));
      refuses({ yaml: `log: { ${name}: 1 }` }, new RegExp(`^log.${name} in .* is no option`));
    }
  });
});

describe("the file", () => {
  test("may be empty, or hold sections of which all is commented out", () => {
    for (const yaml of ["", "# nothing\n", "log:\n", "log:\n  # retention: 1h\nport: 8080\n"])
      assert.deepEqual(load({ yaml }), load());
  });

  test("that is no YAML, or no mapping, is told as such", () => {
    refuses({ yaml: "a: b: c" }, /^penstock.yaml is not YAML: .*line 1, column 4/s);
    refuses({ yaml: "port: 1\nport: 2" }, /^penstock.yaml is not YAML: .*unique/s);
    refuses({ yaml: "- a" }, /^penstock.yaml must hold options by name$/);
    refuses({ yaml: "just a text" }, /^penstock.yaml must hold options by name$/);
  });

  test("has sections where sections belong, and values where values belong", () => {
    refuses(
      { yaml: "log: 5" },
      /^log in penstock.yaml must be a section, with options such as retention/,
    );
    refuses({ yaml: "log: [5]" }, /^log in penstock.yaml must be a section/);
    refuses(
      { yaml: "server: { port: 1 }" },
      /^server in penstock.yaml is no section: .*at the top$/,
    );
    refuses({ yaml: "port: { a: 1 }" }, /^port in penstock.yaml must be a value, not a section$/);
    refuses({ yaml: "port: [1, 2]" }, /^port in penstock.yaml must be one value, not a list$/);
  });

  test("gives lists as lists or as one text", () => {
    const expected = ["https://a.example", "https://b.example"];
    for (const yaml of [
      'api: { allowed_origins: ["https://a.example", "https://b.example"] }',
      'api: { allowed_origins: "https://a.example, https://b.example" }',
    ]) {
      assert.deepEqual(load({ yaml }).api.allowedOrigins, expected);
    }
    refuses(
      { yaml: 'domains: ["a,b"]' },
      /^domains in penstock.yaml must be a list of texts without ","/,
    );
    refuses({ yaml: "domains: [{ a: 1 }]" }, /^domains in penstock.yaml must be a list of texts/);
  });

  test("keeps its streams for their room, with no name that means more than itself", () => {
    const { streams } = load({ yaml: "streams:\n  __proto__: { topic: a }\n  x: [{ y: 1 }]\n" });
    assert.deepEqual(Object.keys(streams as object), ["__proto__", "x"]);
    assert.equal(load({ yaml: "port: 1" }).streams, undefined);
  });
});

describe("values", () => {
  test("durations", () => {
    const read = (text: string) => load({ flags: { "log-retention": text } }).log.retentionMs;
    assert.deepEqual(
      ["250ms", "30s", "10m", "24h", "7d", "1.5h"].map(read),
      [250, 30_000, 600_000, 86_400_000, 604_800_000, 5_400_000],
    );
    for (const text of ["", "5", "5x", "-5s", "1e3s", "5 s", "٥s", "Infinitys"])
      refuses(
        { flags: { "log-retention": text } },
        /^--log-retention must be a duration such as 250ms/,
      );
    refuses({ flags: { "deliver-heartbeat-interval": "1ms" } }, /, at least 100ms; it is "1ms"$/);
  });

  test("bytes", () => {
    const read = (text: string) =>
      load({ flags: { "store-recent-bytes": text } }).store.recentBytes;
    assert.deepEqual(["1MiB", "1.5MiB", "2GiB"].map(read), [2 ** 20, 1.5 * 2 ** 20, 2 ** 31]);
    for (const text of ["", "5", "5MB", "-1MiB", "MiB"])
      refuses({ flags: { "store-recent-bytes": text } }, /must be an amount such as 512B, 64KiB/);
    refuses({ flags: { "store-recent-bytes": "1KiB" } }, /, at least 1MiB; it is "1KiB"$/);
  });

  test("whole numbers, booleans and names", () => {
    for (const port of ["1.5", "0x10", "1e3", "-1", "65536", " 1", ""])
      refuses({ flags: { port } }, /^--port must be a whole number/);
    for (const demo of ["1", "yes", "TRUE", ""])
      refuses({ flags: { demo } }, /^--demo must be true or false/);
    refuses({ flags: { "log-level": "loud" } }, /^--log-level must be one of debug, info, warn/);
  });

  test("lists pass over what is empty between separators", () => {
    const read = (text: string) => load({ flags: { domains: text } }).server.domains;
    assert.deepEqual(["", ",", "a", "a, b,", ",a"].map(read), [[], [], ["a"], ["a", "b"], ["a"]]);
    assert.deepEqual(load({ env: { PENSTOCK_SOURCES: "a,b;c;" } }).server.sources, ["a,b", "c"]);
  });

  test("addresses, networks and origins that could never match are refused", () => {
    for (const url of ["nourl", "/path", "ftp://x", "stream.example.com"])
      refuses({ flags: { "api-public-url": url } }, /must be an absolute address such as https/);
    for (const proxy of ["proxy", "10.0.0.0/33", "10.0.0.0/", "10.0.0/8", "::1/129"])
      refuses(
        { flags: { "api-trusted-proxies": proxy } },
        /must be addresses or ranges.* is none; it/,
      );
    for (const origin of ["https://a.example/", "a.example", "https://a.example:443", "*"])
      refuses({ flags: { "api-allowed-origins": origin } }, /must be origins such as/);
    const { api } = load({ flags: { "api-trusted-proxies": "::1, 10.0.0.0/8,127.0.0.1" } });
    assert.deepEqual(api.trustedProxies, ["::1", "10.0.0.0/8", "127.0.0.1"]);
  });

  test("options that contradict each other are refused together", () => {
    refuses(
      { flags: { "transports-unacked-bytes-min": "2MiB" } },
      /^--transports-unacked-bytes-min must be at most --transports-unacked-bytes-max$/,
    );
    refuses({ flags: { port: "9464" } }, /^--admin-port must be another port than --port/);
    load({ flags: { port: "0", "admin-port": "0" } });
  });
});
