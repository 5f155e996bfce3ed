// A heat map over a picture.

// Anchors of Matplotlib's inferno (Smith and van der Walt, CC0): even steps of lightness, so that order is seen.
const ANCHORS = [
  [0, 0, 4], [40, 11, 84], [101, 21, 110], [159, 42, 99],
  [212, 72, 66], [245, 125, 21], [250, 193, 39], [252, 255, 164],
];

/**
 * Draw a map onto a canvas and lay that over the part of the picture that the network sees.
 * @param {HTMLCanvasElement} canvas
 * @param {import("./server.js").Heat} heat
 */
export function drawHeat(canvas, heat) {
  const values = Uint8Array.from(atob(heat.values), (letter) => letter.charCodeAt(0));
  canvas.width = heat.width;
  canvas.height = heat.height;
  const image = new ImageData(heat.width, heat.height);
  values.forEach((value, place) => image.data.set([...colour(value / 255), 255], 4 * place));
  /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d")).putImageData(image, 0, 0);
  const [left, top, right, bottom] = heat.box;
  const sides = { left, top, width: right - left, height: bottom - top };
  for (const [side, share] of Object.entries(sides)) canvas.style.setProperty(side, `${100 * share}%`);
}

/**
 * @param {number} value 0 to 1
 * @returns {number[]} red, green, blue, 0 to 255
 */
export function colour(value) {
  const place = value * (ANCHORS.length - 1);
  const first = Math.min(Math.floor(place), ANCHORS.length - 2);
  return ANCHORS[first].map((from, part) => from + (place - first) * (ANCHORS[first + 1][part] - from));
}
