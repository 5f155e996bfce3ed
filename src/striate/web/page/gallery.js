// All pictures that were given, with their answers.

import { announce, byId, counted, download, make, percent, showProblem } from "./elements.js";
import { showOne } from "./one.js";
import { Problem, predict } from "./server.js";
import { asCsv } from "./table.js";

/**
 * @typedef {{file: File, name: string, url: string, answer?: import("./server.js").Answer, problem?: string}} Picture
 */

const AT_ONCE = 4; // requests; the server batches what arrives together

/** @type {Picture[]} */
let pictures = [];
/** @type {Picture | undefined} */
let chosen;
/** @type {Picture[]} */
const waiting = [];
let asking = 0;

/**
 * Take pictures, show the first and ask for the answers of all.
 * @param {File[]} files
 */
export function take(files) {
  if (!files.length) return;
  showProblem("");
  const added = files.map((file) => ({ file, name: file.name, url: URL.createObjectURL(file) }));
  pictures.push(...added);
  waiting.push(...added);
  choose(added[0]);
  announce(`Waiting for ${counted(added.length, "answer")}.`);
  while (asking < AT_ONCE && waiting.length) ask();
}

/** Ask for one answer after the other, until none is missing. */
async function ask() {
  asking += 1;
  for (let picture = waiting.shift(); picture; picture = waiting.shift()) {
    await answer(picture);
    if (pictures.includes(picture)) told(picture);
  }
  asking -= 1;
}

/** @param {Picture} picture */
async function answer(picture) {
  try {
    const found = await predict(picture.file);
    if (found.problem) picture.problem = found.problem;
    else picture.answer = found;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    picture.problem = error.message;
  }
}

/** @param {Picture} picture */
function told(picture) {
  if (picture === chosen) {
    showOne(picture);
    announce(`${picture.name}: ${inWords(picture)}`);
  }
  showAll();
}

/** @param {Picture} picture */
function choose(picture) {
  chosen = picture;
  showOne(picture);
  showAll();
}

/** @param {Picture} picture */
function inWords({ answer, problem }) {
  if (problem) return problem;
  if (!answer) return "waiting";
  return answer.top ? `${percent(answer.top[0].probability)} ${answer.top[0].label}` : "answered";
}

function showAll() {
  byId("drop").classList.toggle("short", pictures.length > 0);
  byId("all").hidden = pictures.length < 2;
  const missing = pictures.filter((each) => !each.answer && !each.problem).length;
  byId("count").textContent = counted(pictures.length, "picture") + (missing ? `, ${missing} waiting` : "");
  byId("csv").disabled = missing > 0;
  const focused = document.activeElement?.closest("#grid li")?.firstElementChild;
  byId("grid").replaceChildren(...ordered().map(item));
  if (focused) byId("grid").querySelector("[aria-current]")?.focus();
}

/** @returns {Picture[]} */
function ordered() {
  const order = byId("order").value;
  if (order === "given") return pictures;
  const sign = order === "surest" ? -1 : 1;
  const place = (/** @type {Picture} */ { answer }) => sign * (answer?.probability ?? 2 * sign);
  return [...pictures].sort((one, other) => place(one) - place(other));
}

/** @param {Picture} picture */
function item(picture) {
  const image = make("img", { src: picture.url, alt: "", loading: "lazy", decoding: "async" });
  const [best] = picture.answer?.top ?? [];
  const words = best ? [make("b", {}, percent(best.probability)), ` ${best.label}`] : [inWords(picture)];
  const button = make("button", { type: "button", className: "tile" },
    make("span", { className: "thumb" }, image),
    make("span", { className: picture.problem ? "words bad" : "words" }, ...words),
    make("span", { className: "file" }, picture.name));
  if (picture === chosen) button.setAttribute("aria-current", "true");
  button.addEventListener("click", () => {
    choose(picture);
    byId("one").scrollIntoView({ block: "nearest" });
  });
  return make("li", {}, button);
}

/** @param {import("./server.js").Facts} facts */
export function listen(facts) {
  byId("order").addEventListener("change", showAll);
  byId("csv").addEventListener("click", () => {
    download(asCsv(ordered(), facts.classifies), "predictions.csv", "text/csv");
  });
  byId("clear").addEventListener("click", () => {
    for (const { url } of pictures) URL.revokeObjectURL(url);
    [pictures, chosen, waiting.length] = [[], undefined, 0];
    byId("one").hidden = true;
    showAll();
    byId("choose").focus();
  });
}
