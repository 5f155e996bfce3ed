// The pad, the answer to what is drawn on it, and every layer, live.

import { announce, make, percent, showProblem } from "./elements.js";
import { bars } from "./bars.js";
import { pad } from "./pad.js";
import { rendered } from "./render.js";
import { Problem, layers } from "./server.js";
import { showLayers } from "./sheets.js";
import { refused } from "./tile.js";
import { tools } from "./tools.js";

const EMPTY = "Draw on the pad: the answer follows the pen.";
const LOOKED_INTO =
  "Each layer, from input to output, as the next one reads it; all maps of a layer are on one scale of grey.";
const CLOSED =
  "An exported file answers, but nobody can look into its layers: serve the run that it was made of to see them.";

/**
 * @param {HTMLElement} section
 * @param {import("./server.js").Facts} facts
 * @param {string[]} classes
 */
export function draw(section, facts, classes) {
  const said = make("div", { className: "said" });
  const list = make("div", { className: "layers" });

  async function answer() {
    if (!board.strokes.length) {
      list.hidden = true;
      said.replaceChildren(make("p", { className: "invitation" }, EMPTY));
      return;
    }
    const picture = rendered(board.strokes, bar.effects(), facts);
    const told = await layers(await asPng(picture));
    said.replaceChildren(...answered(told.answer, classes));
    showLayers(list, picture, told.layers, classes);
    list.hidden = false;
    showProblem("");
  }

  const ask = oneAtATime(answer, () => {
    if (board.strokes.length) announce(said.querySelector("h2")?.textContent ?? "");
  });
  const bar = tools(
    () => {
      board.redraw();
      ask(true);
    },
    () => board.clear(),
  );
  const board = pad(bar.effects, ask);
  const remark = make("p", { className: "remark" }, facts.layers ? LOOKED_INTO : CLOSED);
  section.replaceChildren(
    make("section", { className: "desk", "aria-label": "Draw" }, board.canvas, said, bar.element),
    make("section", { "aria-label": "Layers" }, make("h2", {}, "Layer by layer"), remark, list),
  );
  answer();
}

/**
 * The likeliest class, and bars: all classes in their order, or if there are too many, the likeliest ones.
 * @param {import("./server.js").Answer} answer
 * @param {string[]} classes
 */
function answered(answer, classes) {
  const top = answer.top ?? [];
  const place = (/** @type {{label: string}} */ { label }) => classes.indexOf(label);
  const inOrder = top.length === classes.length ? [...top].sort((one, other) => place(one) - place(other)) : top;
  const share = refused(answer) ? "" : ` ${percent(top[0].probability)}`;
  const best = make("h2", { className: "best" }, make("b", {}, answer.label ?? top[0].label), share);
  return [best, bars(inOrder)];
}

/**
 * A function that does some work, and does it once more where it is called meanwhile: so the last call is answered.
 * @param {() => Promise<void>} work
 * @param {() => void} afterStroke called when all is done, if one of the calls said that a stroke had ended
 * @returns {(strokeEnded: boolean) => Promise<void>}
 */
function oneAtATime(work, afterStroke) {
  let [working, again, ended] = [false, false, false];
  return async (strokeEnded) => {
    ended ||= strokeEnded;
    again = true;
    if (working) return;
    working = true;
    try {
      while (again) {
        again = false;
        await work();
      }
      if (ended) afterStroke();
      ended = false;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      showProblem(error.message);
    } finally {
      working = false;
    }
  };
}

/**
 * @param {HTMLCanvasElement} canvas
 * @returns {Promise<Blob>}
 */
const asPng = (canvas) => new Promise((take) => canvas.toBlob((blob) => take(/** @type {Blob} */ (blob))));
