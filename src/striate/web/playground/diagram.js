// The network: columns of features and neurons, each with its picture, and a line for every weight.

import { make } from "./page/elements.js";
import { paint } from "./colours.js";
import { NEURON_SIDE } from "./server.js";
import { layers } from "./setting.js";

export const FEATURES = ["x1", "x2", "x1^2", "x2^2", "x1*x2", "sin x1", "sin x2"];
/** @type {Record<string, string>} */
const SHOWN = { x1: "x₁", x2: "x₂", "x1^2": "x₁²", "x2^2": "x₂²", "x1*x2": "x₁x₂", "sin x1": "sin x₁", "sin x2": "sin x₂" };
const SVG = "http://www.w3.org/2000/svg";
const MOST_NEURONS = 8;
const WIDEST = 9; // pixels of a line

/**
 * @typedef {{chosen: (picture: number, name: string) => void, changed: (part: object) => void}} Heard
 * @typedef {{element: HTMLElement, canvases: HTMLCanvasElement[], output: HTMLCanvasElement,
 *   lines: SVGLineElement[][][], place: () => void}} Diagram
 */

/**
 * Build it for a setting. Pictures are numbered as the server sends them: features, hidden neurons, and -1 the output.
 * @param {import("./setting.js").Setting} setting
 * @param {Heard} heard
 * @returns {Diagram}
 */
export function diagram(setting, heard) {
  /** @type {HTMLCanvasElement[]} */
  const canvases = [];
  const hidden = layers(setting);
  const neuron = (/** @type {string} */ name, picture = canvases.length) => {
    const canvas = make("canvas", { width: NEURON_SIDE, height: NEURON_SIDE, "aria-hidden": "true" });
    if (picture >= 0) canvases.push(canvas);
    const button = make("button", { type: "button", className: "neuron", title: name, "aria-label": `Show ${name} large` }, canvas);
    button.dataset.picture = String(picture);
    button.addEventListener("click", () => heard.chosen(picture, name));
    return button;
  };
  const columns = [
    FEATURES.filter((name) => setting.features.includes(name)).map((name) => neuron(`the feature ${SHOWN[name]}`)),
    ...hidden.map((count, layer) =>
      Array.from({ length: count }, (_, place) => neuron(`neuron ${place + 1} of layer ${layer + 1}`))),
  ];
  const answer = neuron("the answer", -1);
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("aria-hidden", "true");
  const ends = [...columns, [answer]];
  const lines = ends.slice(1).map((targets, layer) => targets.map(() => ends[layer].map(() => svg.appendChild(document.createElementNS(SVG, "line")))));
  const element = make("div", { className: "columns" }, svg, featureColumn(setting, columns[0], heard),
    ...hidden.map((count, layer) => hiddenColumn(setting, layer, columns[layer + 1], heard)), column([title("Answer")], [answer]));
  return { element, canvases, output: answer.firstChild, lines, place: () => place(element, ends, lines) };
}

/**
 * @param {Diagram} diagram
 * @param {import("./server.js").Frame} frame
 */
export function fill({ canvases, output, lines }, frame) {
  canvases.forEach((canvas, picture) => paint(canvas, frame.neurons[picture]));
  paint(output, frame.output.filter((_, place) => !(place % 2) && !(Math.floor(place / (2 * NEURON_SIDE)) % 2)));
  const largest = Math.max(1, ...frame.weights.flat(2).map(Math.abs));
  lines.forEach((layer, depth) => layer.forEach((from, target) => from.forEach((line, source) => {
    const weight = frame.weights[depth][target][source];
    line.setAttribute("stroke-width", String(0.3 + (WIDEST * Math.abs(weight)) / largest));
    line.setAttribute("class", weight < 0 ? "below" : "");
  })));
}

/**
 * Put every line between its neurons, where these lie now.
 * @param {HTMLElement} element
 * @param {HTMLElement[][]} ends
 * @param {SVGLineElement[][][]} lines
 */
function place(element, ends, lines) {
  const ground = element.getBoundingClientRect();
  const boxes = ends.map((column) => column.map((button) => button.getBoundingClientRect()));
  lines.forEach((layer, depth) => layer.forEach((from, target) => from.forEach((line, source) => {
    const [one, other] = [boxes[depth][source], boxes[depth + 1][target]];
    const sides = { x1: one.right - ground.left, y1: (one.top + one.bottom) / 2 - ground.top, x2: other.left - ground.left, y2: (other.top + other.bottom) / 2 - ground.top };
    for (const [side, pixels] of Object.entries(sides)) line.setAttribute(side, String(pixels));
  })));
}

/**
 * All features, with a box to tick for each; those that are off have no picture.
 * @param {import("./setting.js").Setting} setting
 * @param {HTMLElement[]} neurons
 * @param {Heard} heard
 */
function featureColumn(setting, neurons, heard) {
  const left = [...neurons];
  const rows = FEATURES.map((name) => {
    const on = setting.features.includes(name);
    const box = make("input", { type: "checkbox", checked: on, disabled: on && setting.features.length === 1 });
    box.addEventListener("change", () => heard.changed({ features: FEATURES.filter((each) => (each === name ? box.checked : setting.features.includes(each))) }));
    const label = make("label", {}, box, ` ${SHOWN[name]}`);
    return make("div", { className: on ? "feature" : "feature off" }, label, ...(on ? [/** @type {any} */ (left.shift())] : []));
  });
  return column([title("Features")], rows);
}

/**
 * @param {import("./setting.js").Setting} setting
 * @param {number} layer
 * @param {HTMLElement[]} neurons
 * @param {Heard} heard
 */
function hiddenColumn(setting, layer, neurons, heard) {
  const of = `neuron of layer ${layer + 1}`;
  const resized = (/** @type {number} */ change) => heard.changed({ hidden: setting.hidden.map((count, each) => count + (each === layer ? change : 0)) });
  const button = (/** @type {string} */ text, /** @type {string} */ label, /** @type {number} */ change, /** @type {boolean} */ disabled) => {
    const made = make("button", { type: "button", disabled, "aria-label": label }, text);
    made.addEventListener("click", () => resized(change));
    return made;
  };
  const count = setting.hidden[layer];
  return column([button("−", `Take a ${of} away`, -1, count === 1), button("+", `Add a ${of}`, 1, count === MOST_NEURONS)], neurons);
}

/**
 * @param {HTMLElement[]} head
 * @param {HTMLElement[]} rows
 */
const column = (head, rows) => make("div", { className: "column" }, make("div", { className: "group" }, ...head), ...rows);

/** @param {string} text */
const title = (text) => make("span", {}, text);
