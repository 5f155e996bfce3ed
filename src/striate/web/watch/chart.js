// One quantity of several runs, by epoch, step or time: lines, axes, and a cursor that reads them.

import { make } from "./page/elements.js";
import { duration, number } from "./words.js";

const [LEFT, RIGHT, TOP, BOTTOM, HEIGHT] = [52, 12, 8, 24, 260];
const TICKS = 5;

/**
 * @typedef {{run: string, colour: string, dashed: boolean, x: number[], y: (number | null)[], smooth: (number | null)[]}} Line
 * @typedef {{lines: Line[], along: string, log: boolean, unit: string}} Drawn
 */

/** @param {string} name */
export function chart(name) {
  const svg = shape("svg", { role: "img", "aria-label": name });
  const reading = make("input", { type: "range", min: 0, max: 0, step: 1, "aria-label": `${name}: where to read` });
  const output = make("output");
  /** @type {Drawn} */
  let drawn = { lines: [], along: "epoch", log: false, unit: "" };
  /** @type {number[]} */
  let places = [];
  let follows = true; // the newest place, until a person reads another

  /** @param {Drawn} next */
  function draw(next) {
    drawn = next;
    const at = places[reading.value];
    places = [...new Set(drawn.lines.flatMap((line) => line.x))].sort((one, other) => one - other);
    reading.max = Math.max(0, places.length - 1);
    reading.value = follows ? places.length - 1 : Math.max(0, places.findIndex((place) => place >= at));
    redraw();
  }

  function redraw() {
    const width = Math.max(200, svg.clientWidth);
    svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    const scale = scaleOf(drawn, width);
    const cursor = places.length ? scale.x(places[reading.value]) : LEFT;
    svg.replaceChildren(
      ...axes(scale, drawn),
      ...drawn.lines.flatMap((line) => pathsOf(line, scale, drawn.log)),
      ...(places.length ? [shape("line", { class: "cursor", x1: cursor, x2: cursor, y1: TOP, y2: HEIGHT - BOTTOM })] : []),
    );
    const said = readings(drawn, places[reading.value]);
    output.replaceChildren(...said.map(({ line, text }) => make("div", {}, swatch(line), text)));
    reading.setAttribute("aria-valuetext", said.map(({ text }) => text).join("; ") || "nothing yet");
  }

  reading.addEventListener("input", () => {
    follows = Number(reading.value) === places.length - 1;
    redraw();
  });
  svg.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
    const box = svg.getBoundingClientRect();
    const { x } = scaleOf(drawn, box.width);
    const distances = places.map((place) => Math.abs(x(place) - (event.clientX - box.left)));
    if (!distances.length) return;
    reading.value = distances.indexOf(Math.min(...distances));
    reading.dispatchEvent(new Event("input"));
  });
  new ResizeObserver(redraw).observe(svg);
  return { elements: [svg, reading, output], draw };
}

/** @param {Line} line */
function swatch(line) {
  const made = make("span", { className: "swatch" });
  made.style.setProperty("background", line.colour);
  return made;
}

/**
 * What the lines of each run are at a place.
 * @param {Drawn} drawn
 * @param {number} place
 */
function readings({ lines, along, unit }, place) {
  const named = (/** @type {number} */ x) => (along === "seconds" ? duration(x) : `${along} ${x.toLocaleString("en")}`);
  return lines.filter((line) => !line.dashed || !lines.some((other) => other.run === line.run && !other.dashed)).map((line) => {
    const own = lines.filter((other) => other.run === line.run);
    const values = own.map((each) => [each.dashed ? "training " : "", number(at(each, place), unit)].join(""));
    const last = line.x.findLast((x) => x <= place);
    return { line, text: `${line.run}, ${last === undefined ? "not yet" : `${named(last)}: ${values.join(", ")}`}` };
  });
}

/**
 * The value at a place, or at the nearest one before it.
 * @param {Line} line
 * @param {number} place
 */
function at(line, place) {
  const known = line.x.findLastIndex((x, number) => x <= place && line.y[number] !== null);
  return known < 0 ? null : line.y[known];
}

/**
 * @param {Drawn} drawn
 * @param {number} width
 */
function scaleOf({ lines, log }, width) {
  const x = spanOf(lines.flatMap((line) => line.x));
  const values = lines.flatMap((line) => [...line.y, ...line.smooth]).filter((value) => value !== null && (!log || value > 0));
  const y = spanOf(values.map((value) => (log ? Math.log10(/** @type {number} */ (value)) : /** @type {number} */ (value))));
  const along = (/** @type {number} */ value) => LEFT + ((value - x[0]) / (x[1] - x[0])) * (width - LEFT - RIGHT);
  const up = (/** @type {number} */ value) => HEIGHT - BOTTOM - ((value - y[0]) / (y[1] - y[0])) * (HEIGHT - TOP - BOTTOM);
  return { x: along, y: up, spans: { x, y }, width };
}

/**
 * From the least to the largest, never nothing.
 * @param {number[]} values
 */
function spanOf(values) {
  if (!values.length) return [0, 1];
  const [low, high] = values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);
  return high > low ? [low, high] : [low - (Math.abs(low) || 1) / 2, high + (Math.abs(high) || 1) / 2];
}

/**
 * @param {Line} line
 * @param {ReturnType<typeof scaleOf>} scale
 * @param {boolean} log
 */
function pathsOf(line, scale, log) {
  const smoothed = line.smooth !== line.y;
  const kind = line.dashed ? "dashed" : "";
  const of = (/** @type {(number | null)[]} */ values, /** @type {string} */ name) =>
    shape("path", { class: name, d: pathOf(line.x, values, scale, log), stroke: line.colour, "stroke-linecap": "round" });
  return smoothed ? [of(line.y, "raw"), of(line.smooth, kind)] : [of(line.y, kind)];
}

/**
 * A line over the epochs that have a value: those that were not validated do not part it.
 * @param {number[]} x
 * @param {(number | null)[]} y
 * @param {ReturnType<typeof scaleOf>} scale
 * @param {boolean} log
 */
function pathOf(x, y, scale, log) {
  const points = x.flatMap((place, number) => {
    const value = y[number];
    if (value === null || (log && value <= 0)) return [];
    return [`${scale.x(place).toFixed(1)},${scale.y(log ? Math.log10(value) : value).toFixed(1)}`];
  });
  return points.length === 1 ? `M${points[0]}l0,0` : points.length ? `M${points.join("L")}` : "";
}

/**
 * @param {ReturnType<typeof scaleOf>} scale
 * @param {Drawn} drawn
 */
function axes(scale, { along, log, unit }) {
  const ground = HEIGHT - BOTTOM;
  const across = ticks(scale.spans.y, TICKS).flatMap((value) => [
    shape("line", { class: "grid", x1: LEFT, x2: scale.width - RIGHT, y1: scale.y(value), y2: scale.y(value) }),
    shape("text", { x: LEFT - 6, y: scale.y(value) + 4, "text-anchor": "end" }, number(log ? 10 ** value : value, unit)),
  ]);
  const down = ticks(scale.spans.x, Math.min(TICKS, scale.width / 90)).map((value) =>
    shape("text", { x: scale.x(value), y: ground + 18, "text-anchor": "middle" }, along === "seconds" ? duration(value) : number(value)));
  return [...across, ...down];
}

/**
 * Round numbers within a span.
 * @param {number[]} span
 * @param {number} count about so many
 */
function ticks([low, high], count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((each) => each * power >= rough) ?? 10);
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, place) => Number(((first + place) * step).toPrecision(12)));
}

/**
 * @param {string} tag
 * @param {Record<string, any>} attributes
 * @param {...string} text
 * @returns {any}
 */
function shape(tag, attributes, ...text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.append(...text);
  return made;
}
