// The class of every pixel, over the picture.

import { bars } from "./bars.js";
import { make } from "./elements.js";

const OPACITY = 55;

/**
 * Draw a mask onto a canvas and lay that over all of the picture.
 * @param {HTMLCanvasElement} canvas
 * @param {import("./server.js").Mask} mask
 */
export function drawMask(canvas, mask) {
  const numbers = Uint8Array.from(atob(mask.numbers), (letter) => letter.charCodeAt(0));
  canvas.width = mask.width;
  canvas.height = mask.height;
  const image = new ImageData(mask.width, mask.height);
  numbers.forEach((number, place) => image.data.set([...mask.classes[number].colour, 255], 4 * place));
  /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d")).putImageData(image, 0, 0);
  for (const [side, length] of [["left", "0"], ["top", "0"], ["width", "100%"], ["height", "100%"]]) {
    canvas.style.setProperty(side, length);
  }
}

/**
 * The classes of a mask with their colours and shares, and how strongly it covers the picture.
 * @param {import("./server.js").Mask} mask
 * @param {HTMLCanvasElement} canvas
 */
export function legendOf(mask, canvas) {
  const slider = make("input", { type: "range", min: "0", max: "100", value: String(OPACITY), id: "opacity" });
  const show = () => canvas.style.setProperty("opacity", `${slider.value}%`);
  slider.addEventListener("input", show);
  show();
  const list = bars(mask.classes.map(({ label, share }) => ({ label, probability: share })), undefined, "The classes");
  [...list.querySelectorAll(".fill")].forEach((fill, place) => {
    fill.style.setProperty("background", `rgb(${mask.classes[place].colour.join(" ")})`);
  });
  return [list, make("label", { className: "opacity", htmlFor: "opacity" }, "Opacity", slider)];
}
