// A pad to draw on, with a finger, a mouse, a pen, or the keys.

import { make } from "./elements.js";
import { colours, line } from "./render.js";

const STEP = 0.04;
const PIXELS = 640;
const CURSOR = { up: "#7db0ff", down: "#ffa35c", width: 0.012 };
/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };

/**
 * @typedef {{x: number, y: number, down: boolean, keys: boolean}} Pen where the keys have it, whether it draws, and
 *   whether it is theirs
 */

/**
 * @param {() => import("./render.js").Effects} effects
 * @param {(ended: boolean) => void} changed called with every change of the drawing: whether a stroke is done
 */
export function pad(effects, changed) {
  /** @type {import("./render.js").Stroke[]} */
  const strokes = [];
  /** @type {Pen} */
  const pen = { x: 0.5, y: 0.5, down: false, keys: false };
  const canvas = make("canvas", {
    width: PIXELS, height: PIXELS, className: "pad", tabIndex: 0, role: "application",
    "aria-label": "Pad to draw on. With keys: arrows move the pen, space puts it down or lifts it.",
  });
  const context = canvas.getContext("2d");

  function redraw() {
    const { ink, paper } = colours(effects().inverted);
    context.setTransform(PIXELS, 0, 0, PIXELS, 0, 0);
    context.fillStyle = paper;
    context.fillRect(0, 0, 1, 1);
    line(context, strokes, ink, effects().thick);
    if (!pen.keys) return;
    context.beginPath();
    context.arc(pen.x, pen.y, effects().thick / 2, 0, 7);
    Object.assign(context, { lineWidth: CURSOR.width, strokeStyle: pen.down ? CURSOR.down : CURSOR.up });
    context.stroke();
  }

  /** @param {boolean} ended */
  function tell(ended) {
    redraw();
    changed(ended);
  }

  function clear() {
    strokes.length = 0;
    pen.down = false;
    tell(true);
  }

  listenToPointers(canvas, pen, strokes, tell);
  listenToKeys(canvas, pen, strokes, tell);
  redraw();
  return { canvas, strokes, redraw, clear };
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Pen} pen
 * @param {import("./render.js").Stroke[]} strokes
 * @param {(ended: boolean) => void} tell
 */
function listenToPointers(canvas, pen, strokes, tell) {
  const place = (/** @type {PointerEvent} */ event) => {
    const box = canvas.getBoundingClientRect();
    return { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    canvas.setPointerCapture(event.pointerId);
    pen.keys = false;
    strokes.push([place(event)]);
    tell(false);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!canvas.hasPointerCapture(event.pointerId)) return;
    strokes[strokes.length - 1].push(...(event.getCoalescedEvents?.() ?? [event]).map(place));
    tell(false);
  });
  canvas.addEventListener("lostpointercapture", () => tell(true));
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Pen} pen
 * @param {import("./render.js").Stroke[]} strokes
 * @param {(ended: boolean) => void} tell
 */
function listenToKeys(canvas, pen, strokes, tell) {
  canvas.addEventListener("keydown", (event) => {
    const arrow = ARROWS[event.key];
    if (!arrow && event.key !== " ") return;
    event.preventDefault();
    pen.keys = true;
    if (arrow) [pen.x, pen.y] = [within(pen.x + arrow[0]), within(pen.y + arrow[1])];
    else if (!event.repeat) pen.down = !pen.down;
    if (pen.down && arrow) strokes[strokes.length - 1].push({ x: pen.x, y: pen.y });
    else if (pen.down) strokes.push([{ x: pen.x, y: pen.y }]);
    tell(!arrow && !pen.down);
  });
}

/** @param {number} share */
const within = (share) => Math.min(1, Math.max(0, share));
