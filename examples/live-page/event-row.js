/** How an event reads: one line that says what happened, and all of it when it is opened. */
import { make } from "/dom.js";

const ENVELOPE = new Set(["event_type", "position", "at", "id", "removed", "tags"]);
const PAIRS_MAX = 8;
/** Longer texts without a space are names of something, and their ends tell them apart. */
const NAME_MAX = 20;

/** The row of an event. */
export function eventRow(event) {
  const isUndo = event.removed === true || event.event_type === "delete";
  const row = make("li", {
    class: `event${isUndo ? " undo" : ""}${event.event_type === "reorg" ? " reorg" : ""}`,
  });
  row.dataset.id = event.id;
  const at = new Date(event.at);
  const whole = make(
    "details",
    {},
    make(
      "summary",
      {},
      make(
        "time",
        { datetime: at.toISOString(), title: at.toLocaleString() },
        at.toLocaleTimeString([], { hour12: false }),
      ),
      make(
        "span",
        { class: "kind" },
        event.removed === true ? `${event.event_type} undone` : event.event_type,
      ),
      make("span", { class: "what" }, ...lineOf(event).flatMap((part) => [part, " "])),
    ),
  );
  whole.addEventListener("toggle", () => {
    if (whole.open && whole.children.length === 1)
      whole.append(make("pre", {}, JSON.stringify(event, undefined, 2)));
  });
  row.append(whole);
  return row;
}

/** What a reader looks at first in an event. */
function lineOf(event) {
  const [, payload = {}] = Object.entries(event).find(([name]) => !ENVELOPE.has(name)) ?? [];
  if (typeof payload.text === "string") return [who(payload), text(payload)];
  if (event.event_type === "delete") return [who(payload), soft(`took back ${payload.id ?? ""}`)];
  const chainLine = CHAIN_LINES[event.event_type];
  if (chainLine !== undefined && payload.chain !== undefined) return chainLine(payload);
  if (typeof payload.from === "string" && typeof payload.to === "string")
    return [who(payload), soft(`${event.event_type} ${event.id}`)];
  return pairs(payload);
}

function who({ user_id: author, from, to }) {
  const name = author === undefined ? `${from} → ${to}` : `@${author}`;
  return make("b", { class: "who" }, name);
}

function text({ text: words, retweet_id: repeated }) {
  const shown = words === "" && repeated ? `repeats ${repeated}` : words;
  return make("span", { class: words === "" ? "text soft" : "text" }, shown);
}

const CHAIN_LINES = {
  block: ({ chain, number, tx_count: count, hash }) => [
    make("b", {}, `${chain} ${Number(number).toLocaleString()}`),
    soft(`${count} transaction${count === 1 ? "" : "s"}`),
    name(hash),
  ],
  tx: ({ chain, value, from, to, inputs, outputs, status, contract_created: created }) => [
    make("b", {}, `${value} ${chain}`),
    ...way(from ?? inputs?.[0]?.address, to ?? created ?? outputs?.[0]?.address),
    ...(status === "failed" ? [make("span", { class: "bad" }, "failed")] : []),
  ],
  transfer: ({ standard, token, token_id: id, amount, from, to }) => [
    make("b", {}, id === undefined ? amount : `${amount} × ${id}`),
    soft(`${standard} of`),
    name(token),
    ...way(from, to),
  ],
  log: ({ contract, topics }) => [soft("log of"), name(contract), name(topics?.[0])],
  reorg: ({ chain, removed, added }) => [
    make("b", {}, chain),
    `replaced ${removed.length} block${removed.length === 1 ? "" : "s"} by ${added.length}`,
  ],
  final: ({ chain, number, hash }) => [
    make("b", {}, `${chain} ${Number(number).toLocaleString()}`),
    soft("and all before it are final"),
    name(hash),
  ],
};

function way(from, to) {
  return [name(from), make("span", { class: "soft", "aria-label": "to" }, "→"), name(to)];
}

function soft(words) {
  return make("span", { class: "soft" }, words);
}

/** A hash or an address, short; the whole of it is told when it is pointed at. */
function name(value) {
  if (value === undefined || value === null) return soft("nobody");
  const whole = String(value);
  const isLong = whole.length > NAME_MAX && !whole.includes(" ");
  const shown = isLong ? `${whole.slice(0, 8)}…${whole.slice(-6)}` : whole;
  return make("code", isLong ? { title: whole } : {}, shown);
}

/** The members of a payload that nobody here knows, one level deep. */
function pairs(payload) {
  const flat = Object.entries(payload).flatMap(([member, value]) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.entries(value)
      : [[member, value]],
  );
  return flat
    .filter(([, value]) => value !== null && typeof value !== "object")
    .slice(0, PAIRS_MAX)
    .map(([member, value]) => make("span", { class: "pair" }, soft(member), " ", name(value)));
}
