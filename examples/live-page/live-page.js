/** Follows a stream with the SDK, and shows what arrives. */
import { Penstock } from "/client.js";

const penstock = new Penstock({ url: location.origin });
const SECONDS = 60;
const $ = (id) => document.getElementById(id);
const make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
};

let streams = [];
let following;
let isPaused = false;
let total = 0;
let perSecond = new Array(SECONDS).fill(0);
let language = "curl";
const waiting = [];

const chosen = () =>
  streams.find(({ name }) => $("streams").querySelector(`[value="${name}"]`)?.checked);

/** The names that a filter of a stream may have. */
function membersOf(stream) {
  return stream.fields.flatMap(({ name, kind }) =>
    kind === "range" ? [`min_${name}`, `max_${name}`] : [name],
  );
}

function fieldOf(stream, member) {
  return stream.fields.find(({ name }) => name === member || name === member.slice(4));
}

function showStreams() {
  $("streams").replaceChildren(
    ...streams.map(({ name, description }, at) => {
      const input = make("input", { type: "radio", name: "stream", value: name });
      input.checked = at === 0;
      return make(
        "label",
        { class: "stream" },
        input,
        make("b", {}, name),
        make("span", {}, description),
      );
    }),
  );
}

function addCondition(member, value = "") {
  const stream = chosen();
  if (stream === undefined) return;
  const select = make("select", { "aria-label": "Field" });
  for (const name of membersOf(stream)) select.append(make("option", { value: name }, name));
  if (member !== undefined) select.value = member;
  const input = make("input", {
    type: "text",
    "aria-label": "Values, separated by commas",
    autocomplete: "off",
    spellcheck: "false",
  });
  input.value = value;
  const remove = make(
    "button",
    { type: "button", class: "remove quiet", "aria-label": "Remove" },
    "×",
  );
  const row = make("div", { class: "condition" }, select, input, remove);
  const hint = () => {
    input.placeholder = fieldOf(stream, select.value)?.example ?? "";
    input.removeAttribute("aria-invalid");
    showSnippet();
  };
  select.addEventListener("change", hint);
  input.addEventListener("input", hint);
  remove.addEventListener("click", () => {
    row.remove();
    showSnippet();
  });
  $("conditions").append(row);
  hint();
}

/** The rule that the form means. */
function filters() {
  const rule = {};
  for (const row of $("conditions").children) {
    const member = row.querySelector("select").value;
    const values = row
      .querySelector("input")
      .value.split(",")
      .map((value) => value.trim())
      .filter((value) => value !== "");
    if (values.length === 0) continue;
    if (/^(min|max)_/.test(member)) rule[member] = values[0];
    else rule[member] = [...(rule[member] ?? []), ...values];
  }
  return rule;
}

function start() {
  const from = $("start").value;
  return from === "now" || from === "earliest" ? from : { ago: from };
}

function snippet() {
  const stream = chosen()?.name ?? "";
  const rule = filters();
  const from = $("start").value;
  const entries = Object.entries(rule).map(([member, values]) => [member, String(values)]);
  if (language === "cli") {
    const flags = entries.map(([member, values]) => ` --filter '${member}=${values}'`).join("");
    return `npx penstock tail ${stream}${flags}${from === "now" ? "" : ` --since ${from}`}`;
  }
  if (language === "sdk") {
    const options = { filters: rule, ...(from === "now" ? {} : { start: start() }) };
    return `for await (const event of penstock.stream("${stream}", ${JSON.stringify(options)})) {\n  console.log(event);\n}`;
  }
  const query = new URLSearchParams(entries);
  if (from !== "now") query.set("since", from);
  const text = String(query).replaceAll("%2C", ",");
  return `curl -N '${location.origin}/v1/${stream}/live${text === "" ? "" : `?${text}`}'`;
}

function showSnippet() {
  $("snippet").textContent = snippet();
}

function showState(state, text = state.replace("_", " ")) {
  $("state").dataset.state = state;
  $("state").textContent = text;
}

function showError(error) {
  const box = $("form-error");
  box.hidden = error === undefined;
  if (error === undefined) return;
  box.textContent = error.message;
  for (const { path = "", did_you_mean: meant } of error.errors ?? []) {
    const [, , member] = path.split("/");
    for (const row of $("conditions").children) {
      if (row.querySelector("select").value === member)
        row.querySelector("input").setAttribute("aria-invalid", "true");
    }
    if (meant !== undefined) box.append(` Did you mean ${meant}?`);
  }
}

/** What a reader looks at first in an event: a text, or the members that say most. */
function summary(event) {
  const envelope = new Set(["event_type", "position", "at", "id", "removed", "tags"]);
  const [, payload = {}] = Object.entries(event).find(([name]) => !envelope.has(name)) ?? [];
  if (typeof payload.text === "string") return payload.text;
  const parts = Object.entries(payload).filter(
    ([, value]) => value !== null && typeof value !== "object",
  );
  return parts
    .slice(0, 6)
    .map(([name, value]) => `${name} ${value}`)
    .join(" · ");
}

function rowOf(event) {
  const isUndo = event.removed === true || event.event_type === "delete";
  const row = make("li", {
    class: `event${isUndo ? " undo" : ""}${event.event_type === "reorg" ? " reorg" : ""}`,
  });
  row.dataset.id = event.id;
  const whole = make("details", {}, make("summary", {}, `${event.id} at ${event.position}`));
  whole.addEventListener("toggle", () => {
    if (whole.open && whole.children.length === 1)
      whole.append(make("pre", {}, JSON.stringify(event, undefined, 2)));
  });
  row.append(
    make(
      "time",
      { datetime: new Date(event.at).toISOString() },
      new Date(event.at).toLocaleTimeString(),
    ),
    make("span", { class: "text" }, summary(event)),
    make(
      "span",
      { class: "kind" },
      event.removed === true ? `${event.event_type} undone` : event.event_type,
    ),
    whole,
  );
  return row;
}

/** Rows are put in once a frame, however many events came meanwhile. */
function show() {
  requestAnimationFrame(show);
  if (isPaused || waiting.length === 0) return;
  const keep = Number($("keep").value);
  const due = waiting.splice(0).slice(-keep);
  for (const item of due) {
    if (item instanceof Element) {
      $("rows").prepend(item);
      continue;
    }
    if (item.removed === true || item.event_type === "delete") {
      for (const row of $("rows").children)
        if (row.dataset.id === item.id) row.classList.add("gone");
    }
    $("rows").prepend(rowOf(item));
  }
  while ($("rows").children.length > keep) $("rows").lastElementChild.remove();
  $("empty").hidden = true;
  $("total").textContent = total.toLocaleString();
  const place = following?.cursor;
  $("place").textContent = place === undefined ? "" : `${place.slice(0, 18)}…`;
}

function showRate() {
  const peak = Math.max(1, ...perSecond);
  const points = perSecond.map(
    (count, at) => `${(at / (SECONDS - 1)) * 600},${78 - (count / peak) * 74}`,
  );
  $("line").setAttribute("d", `M${points.join("L")}`);
  $("area").setAttribute("d", `M0,80L${points.join("L")}L600,80Z`);
  $("rate").textContent = String(perSecond.at(-1));
  $("peak").textContent = `peak ${peak}`;
  perSecond = [...perSecond.slice(1), 0];
}

function note(text, kind = "") {
  waiting.push(make("li", { class: `mark ${kind}` }, text));
}

async function follow() {
  const stream = chosen();
  if (stream === undefined) return;
  following?.close();
  waiting.length = 0;
  $("rows").replaceChildren();
  showError();
  let events;
  events = penstock.stream(stream.name, {
    filters: filters(),
    start: start(),
    onStatus: ({ state, reason }) => {
      if (following === events || following === undefined)
        showState(
          state === "caught_up" ? "open" : state,
          state === "waiting" ? `waiting: ${reason}` : state === "caught_up" ? "live" : state,
        );
    },
    onGap: ({ count, reason }) => note(`${count} not delivered (${reason})`, "gap"),
    onNotice: ({ message }) => note(message),
  });
  following = events;
  $("pause").disabled = false;
  void preview(stream.name);
  try {
    for await (const event of events) {
      total += 1;
      perSecond[SECONDS - 1] += 1;
      waiting.push(event);
      if (waiting.length > 5000) waiting.splice(0, waiting.length - 5000);
    }
  } catch (error) {
    if (following !== events) return;
    showError(error);
    showState("failed", "refused");
  }
}

/** How much to expect, by the last minutes. */
async function preview(stream) {
  const answer = await fetch("/v1/stream/preview", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ stream, filters: filters() }),
  });
  const { matched, evaluated, window_ms: ms } = await answer.json();
  $("preview").textContent = answer.ok
    ? `${matched.toLocaleString()} of the last ${evaluated.toLocaleString()} events match (${Math.round(ms / 1000)} s).`
    : "";
}

function begin() {
  $("conditions").replaceChildren();
  addCondition();
  showSnippet();
}

$("streams").addEventListener("change", begin);
$("start").addEventListener("change", showSnippet);
$("add").addEventListener("click", () => addCondition());
$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  void follow();
});
$("pause").addEventListener("click", () => {
  isPaused = !isPaused;
  $("pause").textContent = isPaused ? "Go on" : "Pause";
});
$("clear").addEventListener("click", () => {
  waiting.length = 0;
  $("rows").replaceChildren();
});
$("copy").addEventListener("click", () => void navigator.clipboard?.writeText(snippet()));
for (const tab of document.querySelectorAll("[data-language]")) {
  tab.addEventListener("click", () => {
    language = tab.dataset.language;
    for (const other of document.querySelectorAll("[data-language]")) {
      other.setAttribute("aria-pressed", String(other === tab));
    }
    showSnippet();
  });
}
setInterval(showRate, 1000);
requestAnimationFrame(show);

try {
  ({ streams } = await penstock.streams());
  showStreams();
  begin();
} catch (error) {
  showError(error);
  showState("failed", "no server");
}
