// Any number of labels a picture: which were named, in words and as a table has them.

import { percent } from "./elements.js";

const SEPARATOR = ";"; // as tables to train on have it

/** @typedef {{label: string, probability: number}} Named */

/**
 * Which labels were named, the likeliest first.
 * @param {Named[]} labels
 */
export function listed(labels) {
  if (!labels.length) return "none of the labels";
  return labels.map(({ label, probability }) => `${percent(probability)} ${label}`).join(", ");
}

/**
 * What a table has of them.
 * @param {Named[]} labels
 */
export function labelCells(labels) {
  return {
    labels: labels.map(({ label }) => label).join(SEPARATOR),
    probabilities: labels.map(({ probability }) => probability.toFixed(4)).join(SEPARATOR),
  };
}
