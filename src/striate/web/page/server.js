// What the page asks of its server.

/**
 * @typedef {{path: string, label?: string, probability?: number, problem?: string,
 *   box?: number[], objects?: import("./objects.js").Found[], shares?: Record<string, number>,
 *   labels?: import("./labels.js").Named[], top?: {label: string, probability: number}[]}} Answer
 * @typedef {{height: number, width: number, numbers: string,
 *   classes: {label: string, share: number, colour: number[]}[]}} Mask
 * @typedef {{method: string, box: number[], height: number, width: number, values: string}} Heat
 * @typedef {{name: string, of: number, shape: number[], ranges: number[][], values: Uint8Array}} Layer
 * @typedef {{classifies: boolean, draws: boolean, working: number[], seen: number[], layers: boolean,
 *   colours?: Record<string, number[]>, shown_from?: number}} Facts
 * @typedef {{task: string, classes: string[], size: number[], channels: number, engine: string}} Model
 */

export const TOP = 5; // classes of an answer
const MOST_TRIES = 8; // at a server that is busy

/** One sentence for a person. */
export class Problem extends Error {}

/** @returns {Promise<Model>} */
export const model = async () => (await asked("model")).json();

/** @returns {Promise<Facts>} */
export const facts = async () => (await asked("page")).json();

/**
 * @param {File} file
 * @returns {Promise<Answer>}
 */
export async function predict(file) {
  const answers = await (await asked(`predict?top=${TOP}`, file)).json();
  return answers[0];
}

/**
 * What in a picture speaks for a class.
 * @param {File} file
 * @param {string} label
 * @returns {Promise<Heat>}
 */
export const why = async (file, label) => (await asked(`why?label=${encodeURIComponent(label)}`, file)).json();

/**
 * The class of every pixel of a picture.
 * @param {File} file
 * @returns {Promise<Mask>}
 */
export const mask = async (file) => (await asked("mask", file)).json();

/**
 * The answer to a drawn picture, and its layers.
 * @param {Blob} picture
 * @returns {Promise<{answer: Answer, layers: Layer[]}>}
 */
export async function layers(picture) {
  const bytes = new Uint8Array(await (await asked("layers", picture)).arrayBuffer());
  const end = bytes.indexOf(10);
  const told = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end)));
  let start = end + 1;
  for (const layer of told.layers) {
    const length = layer.shape.reduce((/** @type {number} */ all, /** @type {number} */ side) => all * side, 1);
    layer.values = bytes.subarray(start, (start += length));
  }
  return told;
}

/**
 * The response to a question, about a picture or not. A server that is busy is asked again when it says so.
 * @param {string} path
 * @param {Blob} [picture]
 */
async function asked(path, picture) {
  for (let tries = 1; ; tries += 1) {
    const response = await sent(path, picture);
    if (response.ok) return response;
    const told = await response.json().catch(() => ({}));
    if (response.status !== 503 || tries === MOST_TRIES) {
      const name = picture instanceof File ? picture.name : "";
      throw new Problem(sentence(told.problem ?? `the server answered ${response.status}`, name));
    }
    await new Promise((go) => setTimeout(go, 1000 * Number(response.headers.get("retry-after") ?? 1)));
  }
}

/**
 * @param {string} path
 * @param {Blob} [picture]
 */
async function sent(path, picture) {
  const options = picture ? { method: "POST", body: form(picture) } : {};
  try {
    return await fetch(path, options);
  } catch {
    throw new Problem("The server cannot be reached, or the file has gone.");
  }
}

/** @param {Blob} picture */
function form(picture) {
  const data = new FormData();
  data.append("picture", picture, picture instanceof File ? picture.name : "drawing.png");
  return data;
}

/**
 * @param {string} text
 * @param {string} name of a file, which stays as it is
 */
function sentence(text, name) {
  const begun = name && text.startsWith(name) ? text : text.charAt(0).toUpperCase() + text.slice(1);
  return begun + (/[.!?]$/.test(text) ? "" : ".");
}
