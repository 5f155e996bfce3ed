// All pictures that were given, with their answers.

import { sizeOf } from "./box.js";
import { announce, byId, counted, download, showProblem } from "./elements.js";
import { settle } from "./objects.js";
import { showOne } from "./one.js";
import { Problem, predict } from "./server.js";
import { asCsv } from "./table.js";
import { bestOf, inWords, mark, pictureOf, tell } from "./tile.js";

/** @typedef {import("./tile.js").Picture} Picture */

const AT_ONCE = 4; // requests; the server batches what arrives together

/** @type {Picture[]} */
let pictures = [];
/** @type {Picture | undefined} */
let chosen;
/** @type {Picture[]} */
const waiting = [];
let asking = 0;
let missing = 0;

/**
 * Take pictures, show the first and ask for the answers of all.
 * @param {File[]} files
 */
export function take(files) {
  if (!files.length) return;
  showProblem("");
  const added = files.map((file) => pictureOf(file, pick));
  pictures.push(...added);
  waiting.push(...added);
  missing += added.length;
  byId("grid").append(...added.map(({ tile }) => tile));
  choose(added[0]);
  showCount();
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
  missing -= 1;
  tell(picture);
  if (picture === chosen) {
    showOne(picture);
    announce(`${picture.name}: ${inWords(picture)}`);
  }
  showCount();
  if (!missing) sort();
}

/** @param {Picture} picture */
function choose(picture) {
  mark(chosen, false);
  chosen = picture;
  mark(chosen, true);
  showOne(picture);
}

/** @param {Picture} picture */
function pick(picture) {
  choose(picture);
  byId("one").scrollIntoView({ block: "nearest" });
}

function showCount() {
  byId("drop").classList.toggle("short", pictures.length > 0);
  byId("all").hidden = pictures.length < 2;
  byId("count").textContent = counted(pictures.length, "picture") + (missing ? `, ${missing} waiting` : "");
  byId("csv").disabled = missing > 0;
}

/** Put the tiles in order, unless they are. */
function sort() {
  const [grid, tiles] = [byId("grid"), ordered().map(({ tile }) => tile)];
  if (tiles.every((tile, place) => tile === grid.children[place])) return;
  const focused = grid.contains(document.activeElement) ? document.activeElement : null;
  grid.replaceChildren(...tiles);
  focused?.focus();
}

/** @returns {Picture[]} */
function ordered() {
  const order = byId("order").value;
  if (order === "given") return pictures;
  const sign = order === "surest" ? -1 : 1;
  const place = (/** @type {Picture} */ { answer }) => sign * (bestOf(answer)?.probability ?? 2 * sign);
  return [...pictures].sort((one, other) => place(one) - place(other));
}

/**
 * Width and height of a picture whose answer is places in it.
 * @param {Picture} picture
 */
const sizeIfPlaced = ({ answer, url }) => (answer?.box || answer?.objects ? sizeOf(url) : undefined);

function clear() {
  for (const { url } of pictures) URL.revokeObjectURL(url);
  [pictures, chosen, waiting.length, missing] = [[], undefined, 0, 0];
  byId("grid").replaceChildren();
  byId("one").hidden = true;
  showCount();
  byId("choose").focus();
}

/** @param {import("./server.js").Facts} facts */
export function listen(facts) {
  settle(facts, () => pictures.forEach(tell));
  byId("order").addEventListener("change", sort);
  byId("csv").addEventListener("click", async () => {
    const sized = [];
    for (const each of ordered()) sized.push({ ...each, size: await sizeIfPlaced(each) });
    download(asCsv(sized, facts.classifies), "predictions.csv", "text/csv");
  });
  byId("clear").addEventListener("click", clear);
}
