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
 * What a table has of an answer with a box: its edges in pixels of the picture's file, as a table to train on has them.
 * @param {{label?: string, probability?: number, box?: number[]}} answer
 * @param {number[]} [size] width and height; none of a picture that the browser cannot show
 */
export function boxCells({ label, probability, box }, size) {
  const edge = (/** @type {number} */ place) => box && size && Math.round(100 * box[place] * size[place % 2]) / 100;
  return { label, probability, ...Object.fromEntries(EDGES.map((name, place) => [name, edge(place)])) };
}

/**
 * Width and height of a picture as it is shown, in pixels.
 * @param {string} url
 * @returns {Promise<number[] | undefined>}
 */
export async function sizeOf(url) {
  const image = new Image();
  image.src = url;
  try {
    await image.decode();
  } catch {
    return undefined;
  }
  return [image.naturalWidth, image.naturalHeight];
}
