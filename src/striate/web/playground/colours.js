// From orange for -1 to blue for 1, in the colours of the page.

const LEVELS = 127;
const STRENGTH = 0.8; // of the strongest colour, so that points stand out
/** @type {Uint8ClampedArray} */
let table;

/** Read the colours of the page, which change between light and dark. */
export function readColours() {
  const [ground, below, above] = ["--card", "--orange", "--blue"].map(colour);
  table = new Uint8ClampedArray(4 * (2 * LEVELS + 1));
  for (let level = -LEVELS; level <= LEVELS; level += 1) {
    const strong = level < 0 ? below : above;
    const share = STRENGTH * Math.abs(level / LEVELS) ** 0.8;
    table.set([...ground.map((part, place) => part + share * (strong[place] - part)), 255], 4 * (level + LEVELS));
  }
}

/** @param {string} name of a variable, whose value is #rrggbb */
function colour(name) {
  const text = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  return [1, 3, 5].map((place) => parseInt(text.slice(place, place + 2), 16));
}

/**
 * Draw values, row by row, as the pixels of a square canvas.
 * @param {HTMLCanvasElement} canvas as wide as the values
 * @param {Int8Array} values
 */
export function paint(canvas, values) {
  const image = new ImageData(canvas.width, canvas.height);
  for (let place = 0; place < values.length; place += 1) {
    const entry = 4 * (values[place] + LEVELS);
    image.data.set(table.subarray(entry, entry + 4), 4 * place);
  }
  /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d")).putImageData(image, 0, 0);
}
