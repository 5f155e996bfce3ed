// A picture among many: its small image, its answer, its name.

import { make, percent } from "./elements.js";
import { listed } from "./labels.js";
import { tally } from "./objects.js";

/**
 * @typedef {{file: File, name: string, url: string, answer?: import("./server.js").Answer, problem?: string,
 *   tile: HTMLElement}} Picture
 */

/**
 * A picture that has no answer yet.
 * @param {File} file
 * @param {(picture: Picture) => void} choose called when it is chosen
 * @returns {Picture}
 */
export function pictureOf(file, choose) {
  const url = URL.createObjectURL(file);
  const image = make("img", { src: url, alt: "", loading: "lazy", decoding: "async" });
  const button = make("button", { type: "button", className: "tile" },
    make("span", { className: "thumb" }, image),
    make("span", { className: "words" }, "waiting"),
    make("span", { className: "file" }, file.name));
  const picture = { file, name: file.name, url, tile: make("li", {}, button) };
  button.addEventListener("click", () => choose(picture));
  return picture;
}

/**
 * Show on its tile what is known of a picture.
 * @param {Picture} picture
 */
export function tell({ tile, answer, problem }) {
  const words = /** @type {HTMLElement} */ (tile.querySelector(".words"));
  const best = answer?.objects || answer?.labels ? undefined : bestOf(answer);
  const known = best && !refused(answer);
  const parts = known ? [make("b", {}, percent(best.probability)), ` ${best.label}`] : [inWords({ answer, problem })];
  words.replaceChildren(...parts);
  words.classList.toggle("bad", problem !== undefined);
}

/**
 * What is known of a picture, in words.
 * @param {{answer?: import("./server.js").Answer, problem?: string}} picture
 */
export function inWords({ answer, problem }) {
  if (answer?.objects) return tally(answer.objects);
  if (answer?.labels) return listed(answer.labels);
  if (refused(answer)) return answer?.label;
  const best = bestOf(answer);
  return best ? `${percent(best.probability)} ${best.label}` : (problem ?? "answered");
}

/**
 * Whether a picture is of none of the classes, as the network is too little sure of each.
 * @param {import("./server.js").Answer | undefined} answer
 */
export const refused = (answer) => answer?.top?.length && answer.label !== answer.top[0].label;

/**
 * What an answer says first: the likeliest class, the one that covers most, or the surest object.
 * @param {import("./server.js").Answer | undefined} answer
 * @returns {{label: string, probability: number} | undefined}
 */
export function bestOf(answer) {
  if (answer?.top) return answer.top[0];
  if (answer?.objects) return answer.objects.map(({ label, score }) => ({ label, probability: score }))[0];
  const [most] = Object.entries(answer?.shares ?? {}).sort((one, other) => other[1] - one[1]);
  return most && { label: most[0], probability: most[1] };
}

/**
 * @param {Picture | undefined} picture
 * @param {boolean} chosen
 */
export function mark(picture, chosen) {
  const button = picture?.tile.querySelector("button");
  if (chosen) button?.setAttribute("aria-current", "true");
  else button?.removeAttribute("aria-current");
}
