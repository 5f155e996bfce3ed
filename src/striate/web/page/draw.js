// The pad, the answer to what is drawn on it, and every layer, live.

import { announce, make, percent, showProblem } from "./elements.js";
import { bars } from "./bars.js";
import { pad } from "./pad.js";
import { NONE, rendered } from "./render.js";
import { Problem, layers } from "./server.js";
import { showLayers } from "./sheets.js";

const SHIFT = 1 / 16;
const TURN = 10;
const THICKER = 1.3;
const NOISE = [0, 25, 50, 90];

/**
 * @param {HTMLElement} section
 * @param {import("./server.js").Facts} facts
 * @param {string[]} classes
 */
export function draw(section, facts, classes) {
  let effects = { ...NONE };
  let [asking, again, say] = [false, false, false];
  const board = pad(() => effects, ask);
  const said = make("div", { className: "said" });
  const list = make("div", { className: "layers" });
  const place = (/** @type {{label: string}} */ { label }) => classes.indexOf(label);
  const empty = "Draw on the pad: the answer follows the pen.";
  const below = facts.layers
    ? "Each layer, from input to output, as the next one reads it; all maps of a layer are on one scale of grey."
    : "An exported file answers, but nobody can look into its layers: serve the run that it was made of to see them.";

  /** @param {boolean} ended whether a stroke is done, which is when the answer is said aloud */
  async function ask(ended) {
    say ||= ended;
    if (asking) {
      again = true;
      return;
    }
    asking = true;
    try {
      do {
        again = false;
        await answer();
      } while (again);
      if (say && board.strokes.length) announce(said.querySelector("h2")?.textContent ?? "");
      say = false;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      showProblem(error.message);
    } finally {
      asking = false;
    }
  }

  async function answer() {
    if (!board.strokes.length) {
      said.replaceChildren(make("p", { className: "invitation" }, empty));
      list.hidden = true;
      return;
    }
    const picture = rendered(board.strokes, effects, facts);
    const blob = await new Promise((take) => picture.toBlob(take));
    const told = await layers(/** @type {Blob} */ (/** @type {unknown} */ (blob)));
    const top = told.answer.top ?? [];
    const inOrder = top.length === classes.length ? [...top].sort((one, other) => place(one) - place(other)) : top;
    const best = make("h2", { className: "best" }, make("b", {}, top[0].label), ` ${percent(top[0].probability)}`);
    said.replaceChildren(best, bars(inOrder));
    showLayers(list, picture, told.layers, classes);
    list.hidden = false;
    showProblem("");
  }

  /** @param {Partial<import("./render.js").Effects>} change */
  function change(change) {
    effects = { ...effects, ...change };
    board.redraw();
    fit.setAttribute("aria-pressed", String(effects.fit));
    invert.setAttribute("aria-pressed", String(effects.inverted));
    ask(true);
  }

  /**
   * @param {string} text
   * @param {string} label
   * @param {() => Partial<import("./render.js").Effects>} what
   */
  function button(text, label, what) {
    const made = make("button", { type: "button", title: label, "aria-label": label }, text);
    made.addEventListener("click", () => change(what()));
    return made;
  }

  const fit = button("Fit", "Centre the drawing and scale it to the picture", () => ({ fit: !effects.fit }));
  const more = () => NOISE[(NOISE.indexOf(effects.noise) + 1) % NOISE.length];
  const noise = button("Noise", "Noise: more, then none", () => ({ noise: more() }));
  const invert = button("Invert", "Dark ink on light paper", () => ({ inverted: !effects.inverted }));
  fit.setAttribute("aria-pressed", "true");
  invert.setAttribute("aria-pressed", "false");
  const clear = make("button", { type: "button", className: "clear" }, "Clear");
  clear.addEventListener("click", () => {
    effects = { ...NONE, fit: effects.fit, inverted: effects.inverted };
    board.clear();
  });
  const tools = make("div", { className: "tools", role: "group", "aria-label": "What happens to the drawing" },
    group("Shift",
      button("←", "Shift to the left", () => ({ right: effects.right - SHIFT })),
      button("↑", "Shift up", () => ({ down: effects.down - SHIFT })),
      button("↓", "Shift down", () => ({ down: effects.down + SHIFT })),
      button("→", "Shift to the right", () => ({ right: effects.right + SHIFT }))),
    group("Turn",
      button("↺", "Turn to the left", () => ({ degrees: effects.degrees - TURN })),
      button("↻", "Turn to the right", () => ({ degrees: effects.degrees + TURN }))),
    group("Pen",
      button("−", "Thinner", () => ({ thick: Math.max(0.03, effects.thick / THICKER) })),
      button("+", "Thicker", () => ({ thick: Math.min(0.4, effects.thick * THICKER) }))),
    group("", noise, invert, fit),
    clear);
  section.replaceChildren(
    make("section", { className: "desk", "aria-label": "Draw" }, board.canvas, said, tools),
    make("section", { "aria-label": "Layers" },
      make("h2", {}, "Layer by layer"), make("p", { className: "remark" }, below), list),
  );
  answer();
}

/**
 * @param {string} name
 * @param {...HTMLElement} buttons
 */
function group(name, ...buttons) {
  const title = name ? [make("span", {}, name)] : [];
  return make("div", { className: "group", role: "group", "aria-label": name || "More" }, ...title, ...buttons);
}
