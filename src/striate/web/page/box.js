// Where a network says that the object is, over the picture.

import { make } from "./elements.js";

const EDGES = ["x0", "y0", "x1", "y1"];

/**
 * A frame over a part of the picture.
 * @param {number[]} box left, top, right and bottom, as shares of its width and height
 */
export function frameAround([left, top, right, bottom]) {
  const found = make("div", { className: "found", "aria-hidden": "true" });
  const places = { left, top, width: right - left, height: bottom - top };
  for (const [side, share] of Object.entries(places)) found.style.setProperty(side, `${100 * share}%`);
  return found;
}

/**
 * What a table has of an answer with a box.
 * @param {{label?: string, probability?: number, box?: number[]}} answer
 */
export function boxCells({ label, probability, box }) {
  return { label, probability, ...Object.fromEntries(EDGES.map((edge, place) => [edge, box?.[place]])) };
}
