/** Events per second, of the last minute, by when the log took them. */
import { $ } from "/dom.js";

const SECONDS = 60;
/** The rate is told as the mean of so many seconds, or it would flicker. */
const MEAN_SECONDS = 5;
const perSecond = new Map();
let total = 0;

/** Counts an event. @param atMs when the log took it, in milliseconds since the epoch */
export function count(atMs) {
  total += 1;
  const second = Math.floor(atMs / 1000);
  perSecond.set(second, (perSecond.get(second) ?? 0) + 1);
}

/** Begins anew. */
export function resetCount() {
  perSecond.clear();
  total = 0;
  show();
}

function show() {
  // The second that goes on is not whole: the last one shown is the one before it.
  const last = Math.floor(Date.now() / 1000) - 1;
  for (const second of perSecond.keys()) if (second <= last - SECONDS) perSecond.delete(second);
  const minute = Array.from(
    { length: SECONDS },
    (_, at) => perSecond.get(last - SECONDS + 1 + at) ?? 0,
  );
  const peak = Math.max(1, ...minute);
  const points = minute.map(
    (events, at) => `${(at / (SECONDS - 1)) * 600},${78 - (events / peak) * 74}`,
  );
  $("line").setAttribute("d", `M${points.join("L")}`);
  $("area").setAttribute("d", `M0,80L${points.join("L")}L600,80Z`);
  $("chart").setAttribute("aria-label", `Events per second in the last minute, at most ${peak}`);
  const newest = minute.slice(-MEAN_SECONDS);
  const mean = newest.reduce((sum, events) => sum + events, 0) / MEAN_SECONDS;
  $("rate").textContent = mean >= 10 ? String(Math.round(mean)) : mean.toFixed(1);
  $("total").textContent = total.toLocaleString();
}

setInterval(show, 1000);
