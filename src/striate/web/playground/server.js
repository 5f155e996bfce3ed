// What the page asks of its server.

/**
 * @typedef {{name: string, train: number, epoch: number, points: number[][]}} Learner
 * @typedef {{step: number, loss: (number | null)[], accuracy: (number | null)[], weights: number[][][], biases: number[][],
 *   scales: number[], output: Int8Array, neurons: Int8Array[], lines: {level: number, pieces: Uint16Array}[]}} Frame
 */

export const SIDE = 48; // cells of the output's picture along a side
export const NEURON_SIDE = 24;
export const LINE_UNITS = 256; // in a cell
const GONE = 410;

/** One sentence for a person. */
export class Problem extends Error {}

/** The server holds the network no more. */
export class Gone extends Problem {}

/**
 * @param {import("./setting.js").Taught} setting
 * @returns {Promise<Learner>}
 */
export const make = async (setting) => (await asked("learners", setting)).json();

/**
 * @param {Learner} learner
 * @param {{steps: number, rate: number, l1: number, l2: number}} how
 * @returns {Promise<Frame>}
 */
export async function frame(learner, how) {
  const bytes = await (await asked(`learners/${learner.name}/frame`, how)).arrayBuffer();
  const end = new Uint8Array(bytes).indexOf(10);
  const { lines, levels, ...head } = JSON.parse(new TextDecoder().decode(bytes.slice(0, end)));
  let start = end + 1;
  const taken = (/** @type {number} */ length) => bytes.slice(start, (start += length));
  const output = new Int8Array(taken(SIDE ** 2));
  const neurons = head.scales.map(() => new Int8Array(taken(NEURON_SIDE ** 2)));
  const drawn = lines.map((/** @type {number} */ count, /** @type {number} */ place) => ({
    level: levels[place], pieces: new Uint16Array(taken(8 * count)),
  }));
  return { ...head, output, neurons, lines: drawn };
}

/**
 * @param {string} path
 * @param {object} body
 */
async function asked(path, body) {
  const sent = { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" } };
  const response = await fetch(path, sent).catch(() => {
    throw new Problem("The server cannot be reached.");
  });
  if (response.ok) return response;
  const { problem = `the server answered ${response.status}` } = await response.json().catch(() => ({}));
  const sentence = `${problem.charAt(0).toUpperCase()}${problem.slice(1)}.`;
  throw response.status === GONE ? new Gone(sentence) : new Problem(sentence);
}
