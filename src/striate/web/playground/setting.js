// All that the page shows is decided by one record, which its address holds.

/**
 * @typedef {{data: string, noise: number, train_share: number, batch: number, seed: number, features: string[],
 *   learner: string, hidden: number[], activation: string, rate: number, l1: number, l2: number, points: number[][]}} Taught
 * @typedef {Taught & {pace: string, test: boolean}} Setting of a network, and of how the page shows it
 */

/** @type {Setting} */
const FIRST = {
  data: "circle", noise: 0, train_share: 0.5, batch: 10, seed: 0, features: ["x1", "x2"], learner: "network", hidden: [4, 2],
  activation: "tanh", rate: 0.1, l1: 0, l2: 0, points: [], pace: "epoch", test: false,
};
const PLACES = 10; // own points have a place after the point

/**
 * @param {string} hash of the address
 * @returns {Setting}
 */
export function read(hash) {
  /** @type {any} */
  const setting = structuredClone(FIRST);
  for (const [name, text] of new URLSearchParams(hash.replace(/^#/, ""))) {
    if (name === "points") setting.points = text.split(";").filter(Boolean).map(point);
    else if (name === "hidden") setting.hidden = text ? text.split(",").map(Number) : [];
    else if (name === "features") setting.features = text.split(",");
    else if (name === "test") setting.test = text === "1";
    else if (typeof setting[name] === "number") setting[name] = Number(text);
    else if (name in setting) setting[name] = text;
  }
  return setting;
}

/** @param {string} text such as "-12,30,1" */
const point = (text) => text.split(",").map((number, place) => (place < 2 ? Number(number) / PLACES : Number(number)));

/** @param {Setting} setting */
export function written(setting) {
  const { points, test, ...others } = setting;
  const query = new URLSearchParams(Object.entries(others).map(([name, value]) => [name, String(value)]));
  if (test) query.set("test", "1");
  if (setting.data === "own") query.set("points", points.map(([x, y, kind]) => [x * PLACES, y * PLACES].map(Math.round).concat(kind).join()).join(";"));
  return `#${query}`;
}

/**
 * What the server makes a network of. The linear learners have no hidden layers; those of before are kept for later.
 * @param {Setting} setting
 * @returns {Taught}
 */
export function taught({ pace, test, ...rest }) {
  return { ...rest, hidden: layers(rest), points: rest.data === "own" ? rest.points : [] };
}

/** @param {{learner: string, hidden: number[]}} setting */
export const layers = ({ learner, hidden }) => (learner === "network" ? hidden : []);
