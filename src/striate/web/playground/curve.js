// The losses of training and test, as numbers and as curves.

import { make, percent } from "./page/elements.js";

const WIDTH = 600;
const HEIGHT = 168;
const MOST = 500; // points of a curve; beyond, every second goes

/** The figures and the drawing; `add` takes a frame, `clear` begins anew. */
export function curve() {
  const canvas = make("canvas", { width: WIDTH, height: HEIGHT, className: "curve", role: "img", "aria-label": "Curves of the losses by step" });
  const cells = Array.from({ length: 4 }, () => make("b", {}, "–"));
  const key = (/** @type {string} */ kind) => make("span", { className: `key ${kind}` });
  const figures = make("div", { className: "losses" },
    make("span", {}, key("train"), "Training"), make("span", {}, "loss ", cells[0]), make("span", {}, "right ", cells[1]),
    make("span", {}, key("test"), "Test"), make("span", {}, "loss ", cells[2]), make("span", {}, "right ", cells[3]));
  /** @type {(number | null)[][]} step, loss of training, loss of test */
  let noted = [];

  /** @param {import("./server.js").Frame} frame */
  function add({ step, loss, accuracy }) {
    [loss[0], accuracy[0], loss[1], accuracy[1]].forEach((value, place) => {
      cells[place].textContent = value === null ? "–" : place % 2 ? percent(value) : value.toFixed(3);
    });
    if (noted.at(-1)?.[0] !== step) noted.push([step, ...loss]);
    if (noted.length > MOST) noted = noted.filter((_, place) => !(place % 2));
    redraw();
  }

  function redraw() {
    const context = canvas.getContext("2d");
    const style = getComputedStyle(document.documentElement);
    const colour = (/** @type {string} */ name) => style.getPropertyValue(name);
    const losses = noted.flatMap(([, ...pair]) => pair).filter((each) => each !== null);
    const most = Math.max(0.1, ...losses);
    const last = Math.max(1, noted.at(-1)?.[0] ?? 1);
    context.clearRect(0, 0, WIDTH, HEIGHT);
    context.fillStyle = colour("--soft");
    context.fillRect(0, HEIGHT - 2, WIDTH, 2);
    for (const [part, name, dash] of [[1, "--ink", []], [2, "--blue", [10, 6]]]) {
      context.strokeStyle = colour(/** @type {string} */ (name));
      context.lineWidth = 3;
      context.setLineDash(dash);
      context.beginPath();
      for (const entry of noted) {
        const loss = entry[/** @type {number} */ (part)];
        if (loss !== null) context.lineTo((Number(entry[0]) / last) * WIDTH, HEIGHT - 4 - (loss / most) * (HEIGHT - 10));
      }
      context.stroke();
    }
  }

  return { elements: [figures, canvas], add, redraw, clear: () => { noted = []; } };
}
