/** Follows a stream with the SDK, and shows what arrives. */
import { Penstock } from "/client.js";
import { $, make } from "/dom.js";
import { eventRow } from "/event-row.js";
import { addCondition, filters, showError } from "/filter-form.js";
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
  return ({ state, reason, retryInMs }) => {
    if (state === "connecting" && !isAway) showState(state, "connecting");
    if (state === "open") {
      showState(state, from === "now" || isAway ? "live" : "catching up");
      if (isAway) note("Connected again, and went on where it was: nothing was missed.", "good");
      isAway = false;
    }
    if (state === "caught_up") showState("open", "live");
    if (state === "paused") showState(state, "waiting for this page");
    if (state === "closed") showState(state, "stopped");
    if (state !== "waiting") return;
    if (!isAway) note(`The connection was lost, and is tried again: ${reason}`, "bad");
    isAway = true;
    showState(state, "reconnecting");
    retryAtMs = Date.now() + retryInMs;
  };
}

function showCountdown() {
  if (retryAtMs === undefined) return;
  const seconds = Math.ceil((retryAtMs - Date.now()) / 1000);
  $("state").textContent = seconds > 0 ? `reconnecting in ${seconds} s` : "reconnecting";
}

/** A line among the events that is none. */
function note(text, kind = "") {
  const time = new Date().toLocaleTimeString([], { hour12: false });
  waiting.push(make("li", { class: `mark ${kind}` }, make("time", {}, time), text));
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
  const tell = statusTeller(from);
  let events;
  events = penstock.stream(stream.name, {
    filters: filters(),
    start: from === "now" || from === "earliest" ? from : { ago: from },
    onStatus: (status) => {
      // The first status comes before there is a stream to compare with.
      if (events === undefined || following === events) tell(status);
    },
    onGap: ({ count: events, reason }) => note(`${events} not delivered (${reason})`, "gap"),
    onNotice: ({ message }) => note(message),
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
  if (!isFiltered) return `${matched.toLocaleString()} events in the last ${span}.`;
  return `${matched.toLocaleString()} of ${evaluated.toLocaleString()} events of the last ${span} match.`;
}

function add() {
  const stream = chosen();
  if (stream !== undefined) addCondition(stream, showSnippet, () => void preview());
}

function begin() {
  $("conditions").replaceChildren();
  add();
  void follow();
}

$("streams").addEventListener("change", begin);
$("start").addEventListener("change", showSnippet);
$("add").addEventListener("click", add);
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
  showStreams();
  begin();
} catch (error) {
  showError(error);
  showState("failed", "no server");
}
