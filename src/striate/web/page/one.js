// One picture, large: its answer, and on demand why.

import { announce, byId, make, percent } from "./elements.js";
import { bars } from "./bars.js";
import { frameAround } from "./box.js";
import { drawHeat } from "./heat.js";
import { listed } from "./labels.js";
import { drawMask, legendOf } from "./mask.js";
import { objectsIn } from "./objects.js";
import { Problem, mask, why } from "./server.js";
import { asTable } from "./table.js";
import { refused } from "./tile.js";

const SMALL_PX = 160; // below, pixels are shown as they are
const UNDRAWN = "This browser does not show pictures of this kind; the network reads it all the same.";
const NOTHING_BELOW = "There is no picture here that a heat map could lie over.";
const HINT = "Choose a class to see which parts of the picture speak for it.";

/**
 * Show a picture with what is known of it.
 * @param {import("./tile.js").Picture} picture
 */
export function showOne(picture) {
  const section = byId("one");
  section.hidden = false;
  const found = picture.answer?.objects && objectsIn(picture.answer.objects);
  const words = found ? found.said : said(picture);
  section.replaceChildren(stage(picture, found?.over), make("div", { className: "said" }, ...words));
}

/**
 * @param {import("./tile.js").Picture} picture
 * @param {HTMLElement} [over] the objects in it
 */
function stage(picture, over) {
  const image = make("img", { src: picture.url, alt: picture.name });
  const canvas = make("canvas", { className: "heat", hidden: true, "aria-hidden": "true" });
  const box = picture.answer?.box;
  const found = over ?? (box && frameAround(box));
  const frame = make("div", { className: "frame" }, image, canvas, ...(found ? [found] : []));
  image.addEventListener("load", () => {
    frame.classList.toggle("small", Math.max(image.naturalWidth, image.naturalHeight) < SMALL_PX);
  });
  image.addEventListener("error", () => {
    frame.classList.add("undrawn");
    frame.prepend(make("p", { className: "remark" }, UNDRAWN));
  });
  return make("figure", { className: "stage" }, frame, make("figcaption", { className: "remark" }, picture.name));
}

/** @param {import("./tile.js").Picture} picture */
function said(picture) {
  if (picture.problem) return [make("p", { className: "note" }, picture.problem)];
  if (!picture.answer) return [make("p", { className: "remark" }, "Waiting for the answer …")];
  if (picture.answer.shares) return [covering(picture)];
  if (!picture.answer.top) return [make("div", { className: "scrolled" }, asTable(picture.answer))];
  if (picture.answer.labels) {
    return [make("h2", { className: "best" }, listed(picture.answer.labels)), bars(picture.answer.top)];
  }
  const [best] = picture.answer.top;
  const share = make("b", {}, percent(best.probability));
  const parts = refused(picture.answer) ? [make("b", {}, picture.answer.label)] : [share, ` ${best.label}`];
  const heading = make("h2", { className: "best" }, ...parts);
  if (picture.answer.box) return [heading, bars(picture.answer.top)];
  const reason = make("div", { className: "reason" }, make("p", { className: "remark" }, HINT));
  return [
    heading,
    bars(picture.answer.top, (label) => explain(picture, label, reason)),
    reason,
  ];
}

/**
 * What of a picture is of which class, shown over it as soon as that is known.
 * @param {import("./tile.js").Picture} picture
 */
function covering(picture) {
  const said = make("div", {}, make("p", { className: "remark" }, "Looking …"));
  mask(picture.file).then((found) => {
    const canvas = byId("one").querySelector("canvas.heat");
    if (!said.isConnected || !canvas) return; // another picture was chosen
    drawMask(canvas, found);
    canvas.hidden = Boolean(canvas.closest(".undrawn"));
    said.replaceChildren(...legendOf(found, canvas));
  }).catch((error) => {
    if (!(error instanceof Problem)) throw error;
    said.replaceChildren(make("p", { className: "note" }, error.message));
  });
  return said;
}

/**
 * Show which parts speak for a class, or no longer.
 * @param {import("./tile.js").Picture} picture
 * @param {string} label
 * @param {HTMLElement} reason
 */
async function explain(picture, label, reason) {
  const canvas = /** @type {HTMLCanvasElement} */ (byId("one").querySelector("canvas.heat"));
  const buttons = [...byId("one").querySelectorAll("button.class")];
  const chosen = buttons.find((button) => button.dataset.label === label);
  const again = chosen.getAttribute("aria-pressed") === "true";
  for (const button of buttons) button.setAttribute("aria-pressed", String(button === chosen && !again));
  canvas.hidden = true;
  reason.replaceChildren(make("p", { className: "remark" }, again ? HINT : "Looking …"));
  if (again) return;
  if (canvas.closest(".undrawn")) {
    reason.replaceChildren(make("p", { className: "remark" }, NOTHING_BELOW));
    return;
  }
  try {
    const heat = await why(picture.file, label);
    if (!chosen.isConnected || chosen.getAttribute("aria-pressed") !== "true") return; // something else was chosen
    drawHeat(canvas, heat);
    canvas.hidden = false;
    reason.replaceChildren(...legend(heat, label, canvas));
    announce(`The heat map for ${label} lies over the picture.`);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    reason.replaceChildren(make("p", { className: "note" }, error.message));
  }
}

/**
 * @param {import("./server.js").Heat} heat
 * @param {string} label
 * @param {HTMLCanvasElement} canvas
 */
function legend(heat, label, canvas) {
  const slider = make("input", { type: "range", min: "0", max: "100", value: "55", id: "opacity" });
  const show = () => canvas.style.setProperty("opacity", `${slider.value}%`);
  slider.addEventListener("input", show);
  show();
  const whole = Math.max(heat.box[0], heat.box[1], 1 - heat.box[2], 1 - heat.box[3]) < 0.01;
  const unseen = whole ? "" : " The network does not see what is grey.";
  return [
    make("p", { className: "remark" }, "Bright parts speak for ", make("b", {}, label), ` (${heat.method}).${unseen}`),
    make("div", { className: "ramp", "aria-hidden": "true" }, make("span", {}, "not at all"), make("span", {}, "most")),
    make("label", { className: "opacity", htmlFor: "opacity" }, "Opacity", slider),
  ];
}
