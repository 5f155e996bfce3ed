// What a person sets with lists, sliders and numbers.

import { byId, make } from "./page/elements.js";

/** @typedef {{name: string, label: string, options?: [string, string][], range?: [number, number, number], number?: [number, number], percent?: boolean, test?: boolean}} Control */

const RATES = ["0.001", "0.003", "0.01", "0.03", "0.1", "0.3", "1", "3"];
const COSTS = ["0", "0.001", "0.003", "0.01", "0.03", "0.1", "0.3", "1"];
/** @param {string[]} texts @returns {[string, string][]} */
const same = (texts) => texts.map((text) => [text, text]);

/** @type {Record<string, Control[]>} */
const GROUPS = {
  points: [
    { name: "data", label: "Data", options: [["circle", "circle"], ["xor", "exclusive or"], ["gauss", "two clouds"], ["spiral", "spirals"], ["own", "your own"]] },
    { name: "noise", label: "Noise", range: [0, 0.5, 0.05], percent: true },
    { name: "train_share", label: "For training", range: [0.1, 0.9, 0.1], percent: true },
    { name: "batch", label: "Batch", range: [1, 30, 1] },
    { name: "seed", label: "Seed", number: [0, 4294967295] },
    { name: "test", label: "Show points for test", test: true },
  ],
  learning: [
    { name: "learner", label: "Learner", options: [["network", "network"], ["perceptron", "perceptron"], ["svm", "support vectors"]] },
    { name: "activation", label: "Activation", options: [["tanh", "tanh"], ["relu", "ReLU"], ["sigmoid", "sigmoid"], ["linear", "none (linear)"]] },
    { name: "rate", label: "Learning rate", options: same(RATES) },
    { name: "l1", label: "L1 cost", options: same(COSTS) },
    { name: "l2", label: "L2 cost", options: same(COSTS) },
  ],
  pace: [{ name: "pace", label: "A step is", options: [["1", "one batch"], ["10", "ten batches"], ["epoch", "an epoch"]] }],
};
const CHANGED = { options: "change", range: "input", number: "change", test: "change" };

/**
 * Build all of them.
 * @param {(part: Record<string, any>) => void} changed
 * @returns {(setting: Record<string, any>) => void} which shows a setting in them
 */
export function controls(changed) {
  /** @type {((setting: Record<string, any>) => void)[]} */
  const shows = [];
  for (const [group, list] of Object.entries(GROUPS)) {
    for (const control of list) {
      const input = group === "pace" ? byId("pace") : inputOf(control);
      if (group === "pace") fillList(input, control);
      else byId(group).append(labelled(control, input));
      const event = CHANGED[/** @type {keyof typeof CHANGED} */ (Object.keys(CHANGED).find((kind) => kind in control))];
      input.addEventListener(event, () => changed({ [control.name]: valueOf(control, input) }));
      shows.push((setting) => show(control, input, setting[control.name]));
    }
  }
  return (setting) => shows.forEach((each) => each(setting));
}

/** @param {Control} control */
function inputOf(control) {
  if (control.options) return fillList(make("select"), control);
  if (control.test) return make("input", { type: "checkbox" });
  if (control.number) return make("input", { type: "number", min: control.number[0], max: control.number[1], step: 1 });
  const [min, max, step] = /** @type {number[]} */ (control.range);
  return make("input", { type: "range", min, max, step });
}

/**
 * @param {HTMLSelectElement} list
 * @param {Control} control
 */
function fillList(list, control) {
  list.append(.../** @type {[string, string][]} */ (control.options).map(([value, text]) => make("option", { value }, text)));
  return list;
}

/**
 * @param {Control} control
 * @param {HTMLElement} input
 */
function labelled({ label, range, test }, input) {
  if (test) return make("label", { className: "check" }, input, label);
  return make("label", {}, label, ...(range ? [make("span", { className: "value" })] : []), input);
}

/**
 * @param {Control} control
 * @param {HTMLInputElement | HTMLSelectElement} input
 */
function valueOf({ options, test, name }, input) {
  if (test) return /** @type {HTMLInputElement} */ (input).checked;
  return options && !["rate", "l1", "l2"].includes(name) ? input.value : Number(input.value);
}

/**
 * @param {Control} control
 * @param {any} input
 * @param {any} value
 */
function show({ options, percent, test, range }, input, value) {
  if (test) input.checked = value;
  else input.value = String(value);
  // An address may hold a number that the list has not.
  if (options && input.value !== String(value)) input.append(make("option", { value, selected: true }, String(value)));
  if (range) input.parentElement.querySelector(".value").textContent = percent ? `${Math.round(100 * value)} %` : String(value);
}
