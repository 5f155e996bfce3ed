// Objects that were found: boxes over the picture, the shapes of instances, and the list of them.

import { announce, counted, make, percent } from "./elements.js";
import { opacityOf, shapeOf, shapesOver } from "./outlines.js";

/** @typedef {{label: string, score: number, box: number[], outline?: number[][]}} Found */

const EDGES = ["x0", "y0", "x1", "y1"];
const NEAR_THE_TOP = 0.06; // of the height: a name above such a box would lie beyond the picture

/** @type {Record<string, number[]>} */
let colours = {};
let least = 0;
let whenMoved = () => {};

/**
 * Take over what the server says of colours, and of the score from which objects are worth telling of.
 * @param {import("./server.js").Facts} facts
 * @param {() => void} moved called when a person has chosen another score
 */
export function settle(facts, moved) {
  [colours, least, whenMoved] = [facts.colours ?? {}, facts.shown_from ?? 0, moved];
}

/**
 * The objects of the score that is asked for, or a higher one.
 * @param {Found[]} objects
 */
export const sure = (objects) => objects.filter(({ score }) => score >= least);

/**
 * How many of which class, the most frequent first: "3 RBC, 1 WBC".
 * @param {Found[]} objects
 */
export function tally(objects) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const { label } of sure(objects)) counts.set(label, (counts.get(label) ?? 0) + 1);
  const ranked = [...counts].sort((one, other) => other[1] - one[1]);
  return ranked.map(([label, count]) => `${count} ${label}`).join(", ") || "nothing";
}

/**
 * What lies over a picture, and what is said beside it.
 * @param {Found[]} objects best first
 */
export function objectsIn(objects) {
  const rows = objects.map((found) => ({ found, box: boxOf(found), shape: shapeIn(found), item: itemOf(found) }));
  const heading = make("h2", { className: "best" });
  const list = make("ul", { className: "objects" }, ...rows.map(({ item }) => item));
  const shapes = shapesOver(rows.flatMap(({ shape }) => shape ?? []).reverse());
  const over = make("div", { className: "over", "aria-hidden": "true" }, shapes, ...rows.map(({ box }) => box).reverse());
  const show = () => {
    heading.textContent = tally(objects);
    for (const { found, box, shape, item } of rows) {
      box.hidden = item.hidden = found.score < least;
      shape?.toggleAttribute("hidden", box.hidden);
    }
  };
  for (const { box, shape, item } of rows) link(box, shape, item.firstElementChild, over);
  show();
  const sliders = [slider(objects, show), ...(shapes.childElementCount ? [opacityOf(shapes)] : [])];
  return { over, said: objects.length ? [heading, ...sliders, list] : [heading] };
}

/** @param {Found} found */
const shapeIn = ({ label, outline }) => outline && shapeOf(outline, rgb(label));

/**
 * @param {Found[]} objects
 * @param {() => void} show
 */
function slider(objects, show) {
  const input = make("input", { type: "range", min: "0", max: "100", value: String(Math.round(100 * least)), id: "least" });
  const output = make("output", { htmlFor: "least" }, percent(least));
  input.addEventListener("input", () => {
    least = input.value / 100;
    output.textContent = percent(least);
    show();
  });
  input.addEventListener("change", () => {
    whenMoved();
    announce(`${counted(sure(objects).length, "object")}: ${tally(objects)}`);
  });
  return make("label", { className: "opacity", htmlFor: "least" }, "Least score", input, output);
}

/**
 * A box, its shape and its line in the list light up together, by pointer, by keys, or for longer by a click.
 * @param {HTMLElement} box
 * @param {SVGElement | undefined} shape
 * @param {HTMLButtonElement} button
 * @param {HTMLElement} over
 */
function link(box, shape, button, over) {
  const light = (/** @type {boolean} */ on) => {
    for (const each of [box, button, shape]) each?.classList.toggle("lit", on);
    over.classList.toggle("dim", over.querySelector(".lit, .kept") !== null);
  };
  for (const each of [box, button]) {
    each.addEventListener("pointerenter", () => light(true));
    each.addEventListener("pointerleave", () => light(false));
    each.addEventListener("click", () => {
      const kept = box.classList.toggle("kept");
      shape?.classList.toggle("kept", kept);
      button.setAttribute("aria-pressed", String(kept));
      light(kept);
    });
  }
  button.addEventListener("focus", () => light(true));
  button.addEventListener("blur", () => light(false));
}

/** @param {Found} found */
function boxOf({ label, box: [left, top, right, bottom] }) {
  const name = make("span", {}, label);
  const box = make("div", { className: top < NEAR_THE_TOP ? "object inside" : "object" }, name);
  const places = { left, top, width: right - left, height: bottom - top };
  for (const [side, share] of Object.entries(places)) box.style.setProperty(side, `${100 * share}%`);
  box.style.setProperty("--own", rgb(label));
  name.style.setProperty("color", inkOn(label));
  return box;
}

/** @param {Found} found */
function itemOf({ label, score, box: [left, top, right, bottom] }) {
  const swatch = make("span", { className: "swatch", "aria-hidden": "true" });
  swatch.style.setProperty("background", rgb(label));
  const place = `, from ${percent(left)}, ${percent(top)} to ${percent(right)}, ${percent(bottom)}`;
  return make("li", {}, make("button", { type: "button", className: "line", "aria-pressed": "false" },
    swatch,
    make("span", { className: "name" }, label),
    make("span", { className: "share" }, percent(score)),
    make("span", { className: "unseen" }, place)));
}

/** @param {string} label */
const rgb = (label) => `rgb(${(colours[label] ?? [226, 38, 54]).join(" ")})`;

/**
 * The colour of letters on that of a class, by its luma (ITU-R BT.601), as drawings have it.
 * @param {string} label
 */
function inkOn(label) {
  const [red, green, blue] = colours[label] ?? [226, 38, 54];
  return 0.299 * red + 0.587 * green + 0.114 * blue > 0.6 * 255 ? "#000" : "#fff";
}

/**
 * The rows of a table, one of each object, as `striate predict --csv` has them.
 * @param {{name: string, answer?: any, problem?: string, size?: number[]}[]} pictures
 * @returns {(string | number)[][]}
 */
export function objectRows(pictures) {
  const rows = pictures.flatMap(({ name, answer, problem, size }) => {
    const objects = sure(answer?.objects ?? []);
    const told = objects.map(({ label, score, box }) => [label, score, ...EDGES.map((_, place) => edge(box, place, size))]);
    return (told.length ? told : [["", "", "", "", "", ""]]).map((cells) =>
      [name, ...cells, problem ? "" : objects.length, problem ?? ""]);
  });
  return [["path", "label", "score", ...EDGES, "objects", "problem"], ...rows];
}

/**
 * An edge in pixels of the picture's file; nothing of a picture that the browser cannot show.
 * @param {number[]} box
 * @param {number} place
 * @param {number[]} [size] width and height
 */
const edge = (box, place, size) => (size ? Math.round(100 * box[place] * size[place % 2]) / 100 : "");
