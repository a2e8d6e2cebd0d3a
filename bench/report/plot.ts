import { show } from "../harness/run-scenario.ts";
import type { Plot, PlotSeries } from "../harness/scenario.ts";
import { linearScale, logScale, type Scale } from "./scale.ts";
import { element, text } from "./svg.ts";

const WIDTH = 720;
const HEIGHT = 400;
const LEFT = 64;
const RIGHT = 560;
const TOP = 64;
const BOTTOM = 348;

/** Colours that can be told apart on white and on near-black, ours first. */
const COLOURS = [
  "#2f81f7",
  "#d1702f",
  "#2da44e",
  "#a371f7",
  "#bf3989",
  "#8c959f",
  "#b08800",
  "#1b9aaa",
];

/** The drawing brings its own ground, so that its letters are readable on any page. */
const STYLE = `
.ground{fill:#ffffff}.text{fill:#1f2328}.faint{fill:#59636e}.grid{stroke:#d1d9e0}
@media (prefers-color-scheme:dark){.ground{fill:#0d1117}.text{fill:#f0f6fc}.faint{fill:#9198a1}.grid{stroke:#3d444d}}
text{font:13px system-ui,sans-serif}.title{font-size:15px;font-weight:600}`;

/** Who has always the same colour, in the order of the colours. */
const KNOWN = ["penstock", "bare C", "bare Node", "ws", "Socket.IO", "Centrifuge", "NATS"];

/** A contender has one colour in all plots; other series take them in turn. */
function colourOf(name: string, at: number): string {
  const known = KNOWN.indexOf(name);
  return COLOURS[(known < 0 ? at : known) % COLOURS.length] as string;
}

/** Draws a plot: bars where its x are names, lines where they are numbers. */
export function drawPlot(plot: Plot): string {
  const values = plot.series.flatMap(({ points }) => points.map(([, y]) => y));
  const lows = values.filter((value) => value > 0);
  const y =
    plot.isLogY === true && lows.length > 0
      ? logScale(Math.min(...lows), Math.max(...lows), BOTTOM, TOP)
      : linearScale(Math.max(0, ...values), BOTTOM, TOP);
  const isBars = plot.series.some(({ points }) => points.some(([x]) => typeof x === "string"));
  const body = isBars ? bars(plot.series, y) : lines(plot, y);
  return element(
    "svg",
    {
      xmlns: "http://www.w3.org/2000/svg",
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      width: WIDTH,
      height: HEIGHT,
      role: "img",
      "aria-label": plot.title,
    },
    element("style", {}, STYLE),
    element("rect", { class: "ground", width: WIDTH, height: HEIGHT, rx: 6 }),
    text(plot.title, { class: "text title", x: 16, y: 26 }),
    text(plot.y, { class: "faint", x: LEFT - 8, y: TOP - 18, "text-anchor": "end" }),
    ...y.ticks.map((tick) => yTick(tick, y.at(tick))),
    ...body,
    text(plot.x, {
      class: "faint",
      x: (LEFT + RIGHT) / 2,
      y: HEIGHT - 12,
      "text-anchor": "middle",
    }),
    ...legend(plot.series),
  );
}

function yTick(value: number, y: number): string {
  return (
    element("line", { class: "grid", x1: LEFT, x2: RIGHT, y1: y, y2: y }) +
    text(show(value), { class: "faint", x: LEFT - 8, y: y + 4, "text-anchor": "end" })
  );
}

function xTick(label: string, x: number): string {
  return text(label, { class: "faint", x, y: BOTTOM + 20, "text-anchor": "middle" });
}

function lines(plot: Plot, y: Scale): string[] {
  const all = plot.series.flatMap(({ points }) => points.map(([x]) => x as number));
  const x =
    plot.isLogX === true
      ? logScale(Math.min(...all), Math.max(...all), LEFT, RIGHT)
      : linearScale(Math.max(...all), LEFT, RIGHT);
  const drawn = plot.series.map(({ name, points }, at) => {
    const colour = colourOf(name, at);
    const places = points
      .filter(([, value]) => plot.isLogY !== true || value > 0)
      .map(([along, value]) => ({ x: x.at(along as number), y: y.at(value) }));
    const path = places.map((place) => `${place.x.toFixed(1)},${place.y.toFixed(1)}`).join(" ");
    const stroke = { fill: "none", stroke: colour, "stroke-width": at === 0 ? 3 : 2 };
    const dots = places.length > 20 ? [] : places;
    return (
      element("polyline", { points: path, ...stroke }) +
      dots
        .map((place) => element("circle", { cx: place.x, cy: place.y, r: 4, fill: colour }))
        .join("")
    );
  });
  return [...x.ticks.map((tick) => xTick(show(tick), x.at(tick))), ...drawn.toReversed()];
}

/** Groups of bars, a group an x, each with its figure above. */
function bars(series: readonly PlotSeries[], y: Scale): string[] {
  const groups = [...new Set(series.flatMap(({ points }) => points.map(([x]) => String(x))))];
  const group = (RIGHT - LEFT) / groups.length;
  const width = Math.min(48, (group * 0.8) / series.length);
  return groups.flatMap((label, place) => {
    const middle = LEFT + group * (place + 0.5);
    const drawn = series.flatMap(({ name, points }, at) => {
      const value = points.find(([x]) => String(x) === label)?.[1];
      if (value === undefined) return [];
      const x = middle + (at - series.length / 2) * width;
      const top = y.at(Math.max(0, value));
      const figure = { class: "faint", x: x + width / 2, y: top - 5, "text-anchor": "middle" };
      return [
        element("rect", {
          x: x + 1,
          y: top,
          width: width - 2,
          height: Math.max(0, BOTTOM - top),
          fill: colourOf(name, at),
        }),
        text(show(value), figure),
      ];
    });
    return [xTick(label, middle), ...drawn];
  });
}

function legend(series: readonly PlotSeries[]): string[] {
  return series.flatMap(({ name }, at) => {
    const y = TOP + 8 + at * 22;
    return [
      element("rect", {
        x: RIGHT + 24,
        y: y - 10,
        width: 12,
        height: 12,
        rx: 2,
        fill: colourOf(name, at),
      }),
      text(name, { class: "text", x: RIGHT + 44, y }),
    ];
  });
}
