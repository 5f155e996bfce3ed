// Runs while they train: asks how they stand every second, and shows it.

import { announce, byId, make, showProblem } from "./page/elements.js";
import { charts } from "./curves.js";
import { showInside } from "./inside.js";
import { showRuns } from "./list.js";
import { Problem, curves, looks, runs } from "./server.js";
import { duration, number } from "./words.js";

const LOOK_MS = 1000;
const HIDDEN_MS = 15_000; // while nobody sees the page
const MOST_DRAWN = 8; // there are so many colours
const NEWEST = 3; // are drawn at first, and what trains
const ALONG = { epoch: "epochs", step: "steps", seconds: "time trained" };

/** @type {import("./server.js").Run[]} */
let known = [];
/** @type {Map<string, boolean>} whether a person wants a run drawn */
const wanted = new Map();
/** @type {Map<string, number>} the colours of those that are drawn */
const colours = new Map();
/** @type {Map<string, import("./server.js").Curves>} */
const read = new Map();
/** @type {Map<string, string>} how a run stood when its curves were read */
const readAt = new Map();
let looked = "";
const setting = { along: /** @type {"epoch" | "step" | "seconds"} */ ("epoch"), log: false, smooth: 0 };
const drawCharts = charts(byId("charts"), ["left", "right"]);

async function look() {
  try {
    const told = await runs();
    tellChanges(told.runs);
    known = told.runs;
    byId("where").textContent = [`Runs of ${told.folder}`, told.note].filter(Boolean).join("; ") + ".";
    byId("none").hidden = known.length > 0;
    choose();
    await readCurves();
    await lookInside();
    showProblem("");
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    showProblem(error.message);
  }
  show();
}

/**
 * Say to those who hear the page what has changed.
 * @param {import("./server.js").Run[]} now
 */
function tellChanges(now) {
  const before = new Map(known.map((run) => [run.run, run.state]));
  const changed = now.filter((run) => before.has(run.run) && before.get(run.run) !== run.state);
  if (changed.length) announce(changed.map((run) => `${run.run}: ${run.state}`).join(", "));
}

/** Give colours to what is to be drawn: what a person wants, what trains, and the newest. */
function choose() {
  const drawn = known.filter((run, place) => wanted.get(run.run) ?? (run.state === "training" || place < NEWEST));
  for (const name of [...colours.keys()]) if (!drawn.some((run) => run.run === name)) colours.delete(name);
  for (const { run } of drawn) if (!colours.has(run) && colours.size < MOST_DRAWN) colours.set(run, free());
  if (!known.some((run) => run.run === looked)) looked = (known.find(({ state }) => state === "training") ?? known[0])?.run ?? "";
}

const free = () => [...Array(MOST_DRAWN).keys()].find((number) => ![...colours.values()].includes(number)) ?? 0;

/** Of the runs that are drawn, those that have changed. */
async function readCurves() {
  for (const run of known.filter(({ run: name }) => colours.has(name))) {
    const stands = `${run.state} ${run.step} ${run.epoch} ${run.findings.length} ${run.problem}`;
    if (readAt.get(run.run) === stands) continue;
    read.set(run.run, await curves(run.run));
    readAt.set(run.run, stands);
  }
}

/** Of the run that is looked at; one that has gone is asked for no more. */
async function lookInside() {
  const run = known.find(({ run: name }) => name === looked);
  if (!run || run.state === "gone") return;
  const found = await looks(run.run);
  if (run.run === looked) showInside(run.run, found); // another may have been chosen meanwhile
}

/** @param {string} run */
const colourOf = (run) => (colours.has(run) ? `var(--family${colours.get(run)})` : undefined);

function show() {
  showRuns(byId("runs"), known, { colour: colourOf, looked, draw, look: lookAt });
  const drawn = known.filter(({ run }) => colours.has(run) && read.has(run));
  drawCharts(drawn.map(({ run }) => ({ curves: /** @type {any} */ (read.get(run)), colour: /** @type {string} */ (colourOf(run)) })), setting);
  showOne(known.find(({ run }) => run === looked));
}

/**
 * @param {string} run
 * @param {boolean} drawn
 */
async function draw(run, drawn) {
  if (drawn && colours.size === MOST_DRAWN) {
    announce(`${MOST_DRAWN} runs at the most are drawn; take one away first.`);
    showProblem(`${MOST_DRAWN} runs at the most are drawn; take one away first.`);
  } else {
    wanted.set(run, drawn);
    choose();
    await readCurves().catch((error) => showProblem(error.message));
  }
  show();
}

/** @param {string} run */
function lookAt(run) {
  looked = run;
  show();
  lookInside().catch((error) => showProblem(error.message));
}

/** @param {import("./server.js").Run | undefined} run */
function showOne(run) {
  byId("near").hidden = !run;
  if (!run) return;
  byId("near-title").textContent = run.run;
  const facts = {
    State: run.state, Network: run.model, Pictures: run.data, Recipe: run.recipe, Seed: run.seed === null ? "" : String(run.seed),
    Steps: run.step ? run.step.toLocaleString("en") : "", "Learning rate": run.lr === null ? "" : number(run.lr),
    "Pictures a second": run.images_per_second === null ? "" : number(run.images_per_second),
    "Time trained": run.seconds ? duration(run.seconds) : "", "Time left": run.ends_s === null ? "" : duration(run.ends_s - Date.now() / 1000),
  };
  byId("facts").replaceChildren(...Object.entries(facts).filter(([, text]) => text)
    .map(([name, text]) => make("div", {}, make("dt", {}, name), make("dd", {}, text))));
  const findings = run.findings.map(({ epoch, text }) => make("li", {}, make("b", {}, `Epoch ${epoch}: `), text));
  byId("findings").replaceChildren(...(findings.length ? findings : [make("li", { className: "remark" }, "Nothing to remark.")]));
  byId("said").textContent = run.said && `Its log: ${run.said}`;
}

function listen() {
  byId("along").replaceChildren(...Object.entries(ALONG).map(([value, text]) => make("option", { value }, text)));
  byId("along").addEventListener("change", () => set({ along: byId("along").value }));
  byId("log").addEventListener("change", () => set({ log: byId("log").checked }));
  byId("smooth").addEventListener("input", () => set({ smooth: Number(byId("smooth").value) }));
  byId("smooth").value = setting.smooth;
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && look());
}

/** @param {Partial<typeof setting>} part */
function set(part) {
  Object.assign(setting, part);
  show();
}

async function again() {
  await look();
  setTimeout(again, document.visibilityState === "visible" ? LOOK_MS : HIDDEN_MS);
}

listen();
again();
