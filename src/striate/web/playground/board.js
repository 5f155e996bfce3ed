// The plane: what the network, or one of its neurons, says of every place, the line between the classes, the points.

import { make } from "./page/elements.js";
import { paint } from "./colours.js";
import { LINE_UNITS, SIDE } from "./server.js";

const REACH = 6; // the plane is from -REACH to REACH, both ways
const PIXELS = 640;
const STEP = 0.3; // of the arrow keys
const NEAR = 0.5; // how far away a point is meant
/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, STEP], ArrowDown: [0, -STEP] };

/**
 * @typedef {{values: Int8Array, lines: import("./server.js").Frame["lines"], points: number[][], train: number,
 *   test: boolean, own: boolean}} Shown
 */

/**
 * @param {(x: number, y: number) => void} pointed where a person points, when the points are their own
 */
export function board(pointed) {
  const canvas = make("canvas", { width: PIXELS, height: PIXELS, className: "board" });
  const cells = make("canvas", {});
  const cross = { x: 0, y: 0, seen: false };
  /** @type {Shown | undefined} */
  let shown;

  /** @param {Shown} next */
  function show(next) {
    shown = next;
    describe(canvas, next.own);
    redraw();
  }

  function redraw() {
    if (!shown) return;
    cells.width = cells.height = Math.sqrt(shown.values.length);
    paint(cells, shown.values);
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.clearRect(0, 0, PIXELS, PIXELS);
    context.drawImage(cells, 0, 0, PIXELS, PIXELS);
    drawLines(context, shown.lines);
    drawPoints(context, shown);
    if (cross.seen && shown.own) drawCross(context, cross);
  }

  canvas.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
    if (event.button || !shown?.own) return;
    const box = canvas.getBoundingClientRect();
    cross.seen = false;
    pointed(((event.clientX - box.left) / box.width - 0.5) * 2 * REACH, (0.5 - (event.clientY - box.top) / box.height) * 2 * REACH);
  });
  canvas.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const arrow = ARROWS[event.key];
    if (!shown?.own || (!arrow && event.key !== " ")) return;
    event.preventDefault();
    cross.seen = true;
    if (arrow) [cross.x, cross.y] = [within(cross.x + arrow[0]), within(cross.y + arrow[1])];
    else pointed(cross.x, cross.y);
    redraw();
  });
  return { canvas, show, redraw };
}

/** @param {number} value */
export const within = (value) => Math.min(REACH, Math.max(-REACH, value));

/**
 * The place in a list of the point that is meant by a place, or -1.
 * @param {number[][]} points
 * @param {number} x
 * @param {number} y
 */
export function nearest(points, x, y) {
  const away = points.map(([x1, x2]) => Math.hypot(x1 - x, x2 - y));
  const least = Math.min(...away, NEAR);
  return away.findIndex((distance) => distance <= least);
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {boolean} own whether points are set on it
 */
function describe(canvas, own) {
  const role = own ? "application" : "img";
  if (canvas.getAttribute("role") === role) return;
  canvas.setAttribute("role", role);
  canvas.tabIndex = own ? 0 : -1;
  canvas.setAttribute("aria-label", own
    ? "The plane. With keys: arrows move a cross, space sets a point there, or does what is chosen below."
    : "The plane: blue where the answer is the circles' class, orange where it is the squares'.");
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {import("./server.js").Frame["lines"]} lines
 */
function drawLines(context, lines) {
  context.strokeStyle = ink();
  const pixel = (/** @type {number} */ units) => ((units / LINE_UNITS + 0.5) / SIDE) * PIXELS;
  for (const { level, pieces } of lines) {
    context.lineWidth = level ? 2.5 : 4;
    context.setLineDash(level ? [10, 8] : []);
    context.beginPath();
    for (let place = 0; place < pieces.length; place += 4) {
      context.moveTo(pixel(pieces[place]), pixel(pieces[place + 1]));
      context.lineTo(pixel(pieces[place + 2]), pixel(pieces[place + 3]));
    }
    context.stroke();
  }
  context.setLineDash([]);
}

/**
 * Points that train are filled; those that test are hollow.
 * @param {CanvasRenderingContext2D} context
 * @param {Shown} shown
 */
function drawPoints(context, { points, train, test }) {
  const style = getComputedStyle(document.documentElement);
  const [card, ...colours] = ["--card", "--orange", "--blue"].map((name) => style.getPropertyValue(name));
  context.lineWidth = 2.5;
  points.slice(0, test ? undefined : train).forEach(([x1, x2, kind], place) => {
    const [x, y] = [pixelOf(x1), pixelOf(-x2)];
    context.beginPath();
    if (kind) context.arc(x, y, 7, 0, 7);
    else context.rect(x - 6, y - 6, 12, 12);
    context.fillStyle = place < train ? colours[kind] : card;
    context.strokeStyle = place < train ? card : colours[kind];
    context.fill();
    context.stroke();
  });
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {{x: number, y: number}} cross
 */
function drawCross(context, { x, y }) {
  context.strokeStyle = ink();
  context.lineWidth = 3;
  context.beginPath();
  for (const [across, along] of [[14, 0], [0, 14]]) {
    context.moveTo(pixelOf(x) - across, pixelOf(-y) - along);
    context.lineTo(pixelOf(x) + across, pixelOf(-y) + along);
  }
  context.stroke();
}

/** @param {number} value on the plane */
const pixelOf = (value) => ((value / REACH + 1) / 2) * PIXELS;

const ink = () => getComputedStyle(document.documentElement).getPropertyValue("--ink");
