// The list of runs: how each stands, whether it is drawn, and which one is looked at.

import { make } from "./page/elements.js";
import { duration, number } from "./words.js";

/**
 * @typedef {import("./server.js").Run} Run
 * @typedef {{element: HTMLElement, fill: (run: Run, colour: string | undefined, looked: boolean) => void}} Row
 */

/** @type {Map<string, Row>} */
const rows = new Map();

/**
 * Show the runs in their order; rows stay the same elements, so that the focus stays where it is.
 * @param {HTMLElement} list
 * @param {Run[]} runs
 * @param {{colour: (run: string) => string | undefined, looked: string,
 *   draw: (run: string, drawn: boolean) => void, look: (run: string) => void}} on
 */
export function showRuns(list, runs, on) {
  const elements = runs.map((run) => {
    const row = rows.get(run.run) ?? rowOf(run.run, on);
    rows.set(run.run, row);
    row.fill(run, on.colour(run.run), on.looked === run.run);
    return row.element;
  });
  if (elements.some((element, place) => element !== list.children[place]) || list.children.length !== elements.length) {
    const focused = list.contains(document.activeElement) ? /** @type {HTMLElement} */ (document.activeElement) : null;
    list.replaceChildren(...elements);
    focused?.focus();
  }
}

/**
 * @param {string} name
 * @param {{draw: (run: string, drawn: boolean) => void, look: (run: string) => void}} on
 * @returns {Row}
 */
function rowOf(name, on) {
  const drawn = make("input", { type: "checkbox", "aria-label": `Draw the curves of ${name}` });
  const swatch = make("span", { className: "swatch" });
  const look = make("button", { type: "button", className: "look", "aria-label": `Look at ${name}` }, name);
  const [state, epochs, fill, value, pace] = ["state", "", "fill", "value", "pace"].map((className) => make("span", { className }));
  const note = make("p", { className: "note" });
  const progress = make("div", { className: "progress" }, epochs, make("span", { className: "track" }, fill));
  drawn.addEventListener("change", () => on.draw(name, drawn.checked));
  look.addEventListener("click", () => on.look(name));

  return {
    element: make("li", { className: "run" }, make("label", {}, drawn, swatch), look, state, progress, value, pace, note),
    fill(run, colour, looked) {
      drawn.checked = Boolean(colour);
      swatch.style.setProperty("background", colour ?? "transparent");
      look.setAttribute("aria-pressed", String(looked));
      state.className = `state ${run.state}`;
      state.textContent = run.state;
      epochs.textContent = run.epochs ? `epoch ${run.epoch} of ${run.epochs}${left(run)}` : "–";
      fill.style.setProperty("width", `${run.epochs ? Math.min(100, (100 * run.epoch) / run.epochs) : 0}%`);
      value.textContent = run.value ? `${run.figure} ${run.value}` : "";
      pace.textContent = run.state === "training" && run.epoch ? `rate ${number(run.lr)}, ${number(run.images_per_second)} pictures/s` : "";
      note.textContent = run.problem;
      note.hidden = !run.problem;
    },
  };
}

/** @param {Run} run */
function left(run) {
  return run.ends_s === null ? "" : `, ${duration(run.ends_s - Date.now() / 1000)} left`;
}
