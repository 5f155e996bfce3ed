// What the page asks of its server. What has not changed since is not sent again.

/**
 * @typedef {{epoch: number, step: number, kind: string, text: string}} Finding
 * @typedef {{run: string, state: string, problem: string, model: string, data: string, recipe: string, task: string,
 *   seed: number | null, epochs: number, epoch: number, step: number, lr: number | null, images_per_second: number | null,
 *   seconds: number, ends_s: number | null, figure: string, value: string, findings: Finding[], said: string}} Run
 * @typedef {{folder: string, note: string, runs: Run[]}} Runs
 * @typedef {{run: string, epoch: number[], step: number[], seconds: number[], series: Record<string, (number | null)[]>,
 *   figures: Record<string, {title: string, unit: string}>}} Curves
 * @typedef {{problem: string, pictures: string[], looks: {at: string, sheets: string[]}[]}} Looks
 */

/** One sentence for a person. */
export class Problem extends Error {}

/** @type {Map<string, {tag: string, told: any}>} */
const known = new Map();

/** @returns {Promise<Runs>} */
export const runs = () => asked("runs");

/**
 * @param {string} run
 * @returns {Promise<Curves>}
 */
export const curves = (run) => asked(`curves?run=${encodeURIComponent(run)}`);

/**
 * @param {string} run
 * @returns {Promise<Looks>}
 */
export const looks = (run) => asked(`looks?run=${encodeURIComponent(run)}`);

/**
 * The address of a drawing.
 * @param {string} run
 * @param {string} at a checkpoint, or "pictures"
 * @param {number} sheet
 */
export const drawing = (run, at, sheet) => `look?run=${encodeURIComponent(run)}&at=${encodeURIComponent(at)}&sheet=${sheet}`;

/** @param {string} path */
async function asked(path) {
  const before = known.get(path);
  /** @type {Record<string, string>} */
  const headers = before ? { "if-none-match": before.tag } : {};
  const response = await fetch(path, { headers, cache: "no-store" }).catch(() => {
    throw new Problem("The server cannot be reached; what is shown was seen before. It is asked again.");
  });
  if (before && response.status === 304) return before.told;
  const told = await response.json().catch(() => null);
  if (!response.ok) {
    const { problem = `the server answered ${response.status}` } = told ?? {};
    throw new Problem(`${problem.charAt(0).toUpperCase()}${problem.slice(1)}.`);
  }
  if (told === null) throw new Problem("The server broke off its answer. It is asked again.");
  known.set(path, { tag: response.headers.get("etag") ?? "", told });
  return told;
}
