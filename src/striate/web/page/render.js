// From strokes to the picture that the network gets.

/**
 * @typedef {{x: number, y: number}[]} Stroke of places on the pad, 0 to 1
 * @typedef {{fit: boolean, right: number, down: number, degrees: number, thick: number, noise: number,
 *   inverted: boolean}} Effects right, down and thick in shares of the side; noise: the standard deviation of grey
 */

/** @type {Readonly<Effects>} */
export const NONE = { fit: true, right: 0, down: 0, degrees: 0, thick: 0.1, noise: 0, inverted: false };
const MARGIN = 0.06; // of the side that stays free around a fitted drawing
const MOST_ENLARGED = 3;

/** @param {boolean} inverted */
export const colours = (inverted) => (inverted ? { ink: "#000", paper: "#fff" } : { ink: "#fff", paper: "#000" });

/**
 * @param {Stroke[]} strokes
 * @param {Effects} effects
 * @param {import("./server.js").Facts} facts
 */
export function rendered(strokes, effects, facts) {
  const [height, width] = facts.working;
  const [top, left, rows, columns] = facts.seen;
  const side = Math.min(rows, columns);
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
  const { ink, paper } = colours(effects.inverted);
  context.fillStyle = paper;
  context.fillRect(0, 0, width, height);
  context.translate(left + columns / 2 + effects.right * side, top + rows / 2 + effects.down * side);
  context.rotate((effects.degrees * Math.PI) / 180);
  const { scale, x, y } = effects.fit ? fitting(strokes, effects.thick) : { scale: 1, x: 0.5, y: 0.5 };
  context.scale(side * scale, side * scale);
  context.translate(-x, -y);
  line(context, strokes, ink, effects.thick / scale);
  if (effects.noise) addNoise(context, width, height, effects.noise);
  return canvas;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Stroke[]} strokes
 * @param {string} ink
 * @param {number} thick
 */
export function line(context, strokes, ink, thick) {
  Object.assign(context, { strokeStyle: ink, lineWidth: thick, lineCap: "round", lineJoin: "round" });
  for (const [first, ...rest] of strokes) {
    context.beginPath();
    context.moveTo(first.x, first.y);
    for (const { x, y } of rest.length ? rest : [first]) context.lineTo(x, y);
    context.stroke();
  }
}

/**
 * The middle of a drawing, and how much it is enlarged to fill the picture, as digits of data sets do.
 * @param {Stroke[]} strokes
 * @param {number} thick
 */
function fitting(strokes, thick) {
  const [xs, ys] = [strokes.flat().map(({ x }) => x), strokes.flat().map(({ y }) => y)];
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const longest = Math.max(right - left, bottom - top, 1e-6);
  const scale = Math.min(MOST_ENLARGED, (1 - 2 * MARGIN - thick) / longest);
  return { scale, x: (left + right) / 2, y: (top + bottom) / 2 };
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number} width
 * @param {number} height
 * @param {number} deviation
 */
function addNoise(context, width, height, deviation) {
  const image = context.getImageData(0, 0, width, height);
  const random = generator();
  for (let place = 0; place < image.data.length; place += 4) {
    const gauss = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()); // Box and Muller, 1958
    image.data.fill(Math.round(image.data[place] + deviation * gauss), place, place + 3);
  }
  context.putImageData(image, 0, 0);
}

/** The same numbers each time, so that a picture does not flicker while it is drawn: Lehmer's generator, 1951. */
function generator() {
  let state = 1998;
  return () => (state = (state * 48271) % 0x7fffffff) / 0x7fffffff;
}
