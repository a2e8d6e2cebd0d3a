/** Follows a stream with the SDK, and shows what arrives. */
import { Penstock } from "/client.js";
import { $, counted, make } from "/dom.js";
import { eventRow } from "/event-row.js";
import { addCondition, filters, hasMember, showError } from "/filter-form.js";
import { asked, keep } from "/page-address.js";
import { count, resetCount } from "/rate-chart.js";
import { snippet } from "/snippet.js";

/** Events that wait to be shown; of more, the newest. */
const WAITING_MAX = 5000;
/** Whoever scrolled further than this, or opened an event, is not disturbed by what arrives. */
const READS_FROM_PX = 48;

const penstock = new Penstock({ url: location.origin });
let streams = [];
let following;
let isPaused = false;
let language = "curl";
let retryAtMs;
const waiting = [];

const chosen = () =>
  streams.find(({ name }) => $("streams").querySelector(`[value="${name}"]`)?.checked);

/** @param wanted the name of the one that is chosen; undefined: the first */
function showStreams(wanted) {
  $("streams").replaceChildren(
    ...streams.map(({ name, description }, at) => {
      const input = make("input", { type: "radio", name: "stream", value: name });
      input.checked = wanted === undefined ? at === 0 : name === wanted;
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

function showSnippet() {
  $("snippet").textContent = snippet(language, chosen()?.name ?? "", filters(), $("start").value);
}

function showState(state, text) {
  retryAtMs = undefined;
  $("state").dataset.state = state;
  $("state").textContent = text;
}

/** What the connection does, in words; and in the list, what became of the events meanwhile. */
function statusTeller(from) {
  let isAway = false;
  let wasOpen = false;
  let isPlanned = false;
  const status = ({ state, reason, retryInMs }) => {
    if (state === "connecting" && !isAway) showState(state, "connecting");
    if (state === "open") {
      if (from === "now" && !wasOpen) showState(state, "live");
      else showState("catching-up", "catching up");
      // Whoever was connected before resumed at a cursor that the server knew; others just begin.
      if (isAway && wasOpen)
        note("Connected again, and went on where it was: nothing was missed.", "good");
      else if (isAway) note("Connected.", "good");
      isAway = false;
      isPlanned = false;
      wasOpen = true;
    }
    if (state === "caught_up") showState("open", "live");
    if (state === "paused") showState(state, "waiting for this page");
    if (state === "closed") showState(state, "stopped");
    if (state !== "waiting") return;
    if (!isAway && isPlanned)
      note("The server stops, or starts anew; this page connects again by itself.");
    else if (!isAway) note(`The connection was lost, and is tried again: ${words(reason)}`, "bad");
    isAway = true;
    showState(state, "reconnecting");
    retryAtMs = Date.now() + retryInMs;
  };
  const notice = ({ code, message }) => {
    // What the server plans is told when it happens.
    if (code === "go_away") isPlanned = true;
    else note(message);
  };
  return { status, notice, wasOpen: () => wasOpen };
}

/** A reason without the code that programs go by. */
function words(reason) {
  return reason.replace(/ \(\d{4}\)$/, "");
}

function showCountdown() {
  if (retryAtMs === undefined) return;
  const seconds = Math.ceil((retryAtMs - Date.now()) / 1000);
  $("state").textContent = seconds > 0 ? `reconnecting in ${seconds} s` : "reconnecting";
}

/** A line among the events that is none. */
function note(text, kind = "", ...more) {
  const time = new Date().toLocaleTimeString([], { hour12: false });
  waiting.push(make("li", { class: `mark ${kind}` }, make("time", {}, time), text, ...more));
}

/** What ended although its filter was right: the server knows the place no more, or the visitor. */
function tellEnd(error) {
  const again = make("button", { type: "button", class: "again" }, "Begin anew");
  again.addEventListener("click", () => void follow());
  const what =
    error.retry === "choose"
      ? "The server has other data than this page was reading, or no longer as much: what follows the last event here cannot be had."
      : `The stream ended: ${words(error.message)}`;
  note(what, "gap", " ", again);
  showState("waiting", "ended");
}

/** Rows are put in once a frame, however many events came meanwhile. */
function show() {
  requestAnimationFrame(show);
  const rows = $("rows");
  const isRead = rows.scrollTop > READS_FROM_PX || rows.querySelector("details[open]") !== null;
  const isHeld = waiting.length > 0 && (isPaused || isRead);
  $("newer").hidden = !isHeld;
  if (isHeld) $("newer").textContent = `↑ ${waiting.length.toLocaleString()} new`;
  if (isHeld || waiting.length === 0) return;
  const keep = Number($("keep").value);
  for (const item of waiting.splice(0).slice(-keep)) {
    if (item instanceof Element) {
      rows.prepend(item);
      continue;
    }
    if (item.removed === true || item.event_type === "delete") {
      for (const row of rows.children) if (row.dataset.id === item.id) row.classList.add("gone");
    }
    rows.prepend(eventRow(item));
  }
  while (rows.children.length > keep) rows.lastElementChild.remove();
  showEmpty();
}

function showEmpty() {
  $("empty").hidden = $("rows").children.length > 0;
}

function clear() {
  waiting.length = 0;
  $("rows").replaceChildren();
  showEmpty();
}

function setPaused(paused) {
  isPaused = paused;
  $("pause").textContent = paused ? "Go on" : "Pause";
}

async function follow() {
  const stream = chosen();
  if (stream === undefined) return;
  following?.close();
  clear();
  resetCount();
  showError();
  setPaused(false);
  const from = $("start").value;
  const told = statusTeller(from);
  keep(stream.name, filters(), from);
  let events;
  events = penstock.stream(stream.name, {
    filters: filters(),
    start: from === "now" || from === "earliest" ? from : { ago: from },
    onStatus: (status) => {
      // The first status comes before there is a stream to compare with.
      if (events === undefined || following === events) told.status(status);
    },
    onGap: ({ count: missed, exact, reason }) =>
      note(`${exact ? "" : "up to "}${counted(missed, "event")} not delivered (${reason})`, "gap"),
    onNotice: told.notice,
  });
  following = events;
  showState("connecting", "connecting");
  $("pause").disabled = false;
  $("empty").textContent =
    `Nothing of ${stream.name} has come yet; it is shown as soon as it does.`;
  void preview();
  try {
    for await (const event of events) {
      count(event.at);
      waiting.push(event);
      if (waiting.length > WAITING_MAX) waiting.splice(0, waiting.length - WAITING_MAX);
    }
  } catch (error) {
    if (following !== events) return;
    if (told.wasOpen()) {
      tellEnd(error);
      return;
    }
    showError(error);
    showState("failed", "refused");
    $("empty").textContent = `${stream.name} was not followed: ${error.message}`;
  }
}

let previews = 0;

/** How much to expect, by the last minutes; or what is wrong with the filter. */
async function preview() {
  const stream = chosen()?.name;
  previews += 1;
  const number = previews;
  const rule = filters();
  const isFiltered = Object.keys(rule).length > 0;
  const answer = await fetch("/v1/stream/preview", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ stream, filters: rule }),
  }).catch(() => undefined);
  const body = await answer?.json().catch(() => undefined);
  if (number !== previews || body === undefined) return;
  $("preview").textContent = answer.ok ? expectation(body, isFiltered) : "";
  showError(answer.ok ? undefined : { message: body.detail, errors: body.errors });
}

function expectation({ matched, evaluated, window_ms: ms }, isFiltered) {
  if (evaluated === 0) return "Nothing came in the last minutes.";
  const minutes = Math.max(1, Math.round(ms / 60_000));
  const span = ms < 90_000 ? `${Math.round(ms / 1000)} seconds` : `${minutes} minutes`;
  if (!isFiltered) return `${counted(matched, "event")} in the last ${span}.`;
  const all = counted(evaluated, "event");
  return `${matched.toLocaleString()} of ${all} of the last ${span} match${matched === 1 ? "es" : ""}.`;
}

function add(given) {
  const stream = chosen();
  if (stream !== undefined) addCondition(stream, showSnippet, () => void preview(), given);
}

/** @param conditions what the form begins with; an empty field where there are none */
function begin(conditions = []) {
  $("conditions").replaceChildren();
  for (const given of conditions) add(given);
  if (conditions.length === 0) add();
  void follow();
}

/** Begins with what the address asks for, as far as there is such a thing. */
function beginAsAsked() {
  const { stream, since, conditions } = asked();
  showStreams(streams.find(({ name }) => name === stream)?.name);
  const start = [...$("start").options].find(({ value }) => value === since);
  if (start !== undefined) $("start").value = start.value;
  const found = chosen();
  begin(found?.name === stream ? conditions.filter(({ member }) => hasMember(found, member)) : []);
}

$("streams").addEventListener("change", () => begin());
$("start").addEventListener("change", showSnippet);
$("add").addEventListener("click", () => add());
$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  void follow();
  // On a narrow screen what was asked for lies below the form.
  const { top } = $("events").getBoundingClientRect();
  if (top > innerHeight * 0.7) $("events").scrollIntoView();
});
$("pause").addEventListener("click", () => setPaused(!isPaused));
$("newer").addEventListener("click", () => {
  setPaused(false);
  for (const open of $("rows").querySelectorAll("details[open]")) open.open = false;
  $("rows").scrollTop = 0;
});
$("clear").addEventListener("click", clear);
$("copy").hidden = navigator.clipboard === undefined;
$("copy").addEventListener("click", async () => {
  await navigator.clipboard.writeText($("snippet").textContent);
  $("copy").textContent = "Copied";
  setTimeout(() => {
    $("copy").textContent = "Copy";
  }, 1500);
});
for (const tab of document.querySelectorAll("[data-language]")) {
  tab.addEventListener("click", () => {
    language = tab.dataset.language;
    for (const other of document.querySelectorAll("[data-language]")) {
      other.setAttribute("aria-pressed", String(other === tab));
    }
    showSnippet();
  });
}
setInterval(showCountdown, 250);
requestAnimationFrame(show);

try {
  ({ streams } = await penstock.streams());
  beginAsAsked();
} catch (error) {
  showError(error);
  showState("failed", "no server");
}
