// The shapes of objects, over the picture.

import { make } from "./elements.js";

const OPACITY = 45;
const SVG = "http://www.w3.org/2000/svg";
let strength = OPACITY; // as a person has moved it, for the next picture too

/**
 * A place for shapes that is as large as the picture, in shares of its sides.
 * @param {SVGElement[]} shapes
 */
export function shapesOver(shapes) {
  const over = drawn("svg", { class: "shapes", viewBox: "0 0 1 1", preserveAspectRatio: "none" });
  over.append(...shapes);
  over.style.setProperty("--strength", `${strength}%`);
  return over;
}

/**
 * A shape in a colour.
 * @param {number[][]} outline closed lines of x, y, x, y ...; inside is what an odd number of them goes around
 * @param {string} colour
 */
export function shapeOf(outline, colour) {
  const shape = drawn("path", { d: outline.map(closed).join(""), "fill-rule": "evenodd", "vector-effect": "non-scaling-stroke" });
  shape.style.setProperty("--own", colour);
  return shape;
}

/**
 * How strongly shapes cover the picture.
 * @param {SVGElement} over
 */
export function opacityOf(over) {
  const slider = make("input", { type: "range", min: "0", max: "100", value: String(strength), id: "opacity" });
  slider.addEventListener("input", () => {
    strength = slider.value;
    over.style.setProperty("--strength", `${strength}%`);
  });
  return make("label", { className: "opacity", htmlFor: "opacity" }, "Opacity", slider);
}

/** @param {number[]} line */
const closed = (line) => `M${line.map((share, place) => `${place && place % 2 === 0 ? "L" : ""}${share} `).join("")}Z`;

/**
 * @param {string} tag
 * @param {Record<string, string>} attributes
 * @returns {SVGElement}
 */
function drawn(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return /** @type {SVGElement} */ (element);
}
