// What a run looks like inside: the filters of its first layer, and what layers make of a few pictures, at each of its states.

import { byId, counted, make } from "./page/elements.js";
import { drawing } from "./server.js";

/** @typedef {import("./server.js").Looks} Looks */

let run = "";
/** @type {Looks} */
let looks = { problem: "", pictures: [], looks: [] };
let follows = true; // the newest state, until a person asks for another

/**
 * @param {string} name
 * @param {Looks} next
 */
export function showInside(name, next) {
  const before = looks.looks[Number(byId("at").value)]?.at;
  if (name !== run) follows = true;
  if (name === run && JSON.stringify(next) === JSON.stringify(looks)) return;
  [run, looks] = [name, next];
  const last = Math.max(0, looks.looks.length - 1);
  byId("at").max = last;
  byId("at").value = follows ? last : Math.max(0, looks.looks.findIndex(({ at }) => at === before));
  byId("inside").hidden = !looks.looks.length;
  byId("inside-remark").textContent = looks.problem || (looks.looks.length
    ? `Filters of the first layer, and what layers make of ${counted(looks.pictures.length, "picture")} of the validation: ${looks.pictures.join(", ")}.`
    : "Drawn as soon as the run has written its first state.");
  showSheets();
}

/** The drawings of the state that is chosen. Pictures stay elements, so that nothing jumps while others come. */
function showSheets() {
  const state = looks.looks[Number(byId("at").value)];
  if (!state) {
    byId("sheets").replaceChildren();
    return;
  }
  const words = state.at === "best" ? "the best weights" : `step ${Number(state.at).toLocaleString("en")}`;
  byId("at-words").textContent = words;
  byId("at").setAttribute("aria-valuetext", words);
  const wanted = [["the pictures", drawing(run, "pictures", 0)], ...state.sheets.map((title, sheet) => [title, drawing(run, state.at, sheet)])];
  const figures = [...byId("sheets").children];
  while (figures.length < wanted.length) figures.push(make("figure", {}, make("img"), make("figcaption")));
  byId("sheets").replaceChildren(...figures.slice(0, wanted.length));
  wanted.forEach(([title, source], place) => {
    const [picture, caption] = figures[place].children;
    picture.setAttribute("alt", `${title}, ${words}`);
    if (picture.getAttribute("src") !== source) picture.setAttribute("src", source);
    caption.textContent = title;
  });
}

byId("at").addEventListener("input", () => {
  follows = byId("at").value === byId("at").max;
  showSheets();
});
