// The playground: a setting, the network that the server makes of it, and its frames.

import { announce, byId, counted, percent, showProblem } from "./page/elements.js";
import { board } from "./board.js";
import { readColours } from "./colours.js";
import { controls } from "./controls.js";
import { curve } from "./curve.js";
import { diagram, fill } from "./diagram.js";
import { own } from "./own.js";
import { Gone, Problem, frame, make } from "./server.js";
import { layers, read, taught, written } from "./setting.js";

const LIVE = ["rate", "l1", "l2"]; // hold from the next step on
const SHOWN_ONLY = ["pace", "test"];
const MOST_LAYERS = 6;
const NEW_NEURONS = 4;

let setting = read(location.hash);
/** @type {import("./server.js").Learner | undefined} */
let learner;
/** @type {import("./server.js").Frame | undefined} */
let latest;
/** @type {import("./diagram.js").Diagram} */
let network;
let running = false;
let looping = false; // a frame more may come after the button
let made = 0; // how often a network was asked for
let making = Promise.resolve(); // a step waits for the network that it is of
let picture = -1; // the one that is shown large: a feature's, a neuron's, or the answer's

const losses = curve();
const plane = board(own(() => setting.points, (points) => change({ points })));
const showControls = controls(change);

/**
 * Change parts of the setting, and with them the address.
 * @param {Partial<import("./setting.js").Setting>} part
 */
function change(part) {
  setting = { ...setting, ...part };
  history.replaceState(null, "", written(setting));
  showSetting();
  if (Object.keys(part).every((name) => SHOWN_ONLY.includes(name))) draw();
  else if (!Object.keys(part).every((name) => LIVE.includes(name))) startOver();
}

function showSetting() {
  const count = layers(setting).length;
  showControls(setting);
  byId("layers").textContent = counted(count, "hidden layer");
  byId("fewer").disabled = count === 0;
  byId("more").disabled = count === MOST_LAYERS || setting.learner !== "network";
  byId("own").hidden = setting.data !== "own";
}

/** Ask for a new network, and show it before its first step. */
function startOver() {
  const asked = (made += 1);
  making = told(async () => {
    const next = await make(taught(setting));
    if (asked !== made) return;
    learner = next;
    losses.clear();
    build();
    await advance(0);
  });
}

function build() {
  const focused = document.activeElement?.getAttribute("aria-label");
  network = diagram(setting, { chosen: choose, changed: change });
  byId("network").replaceChildren(network.element);
  network.place();
  if (picture >= network.canvases.length) choose(-1, "the answer");
  mark();
  // Who adds a neuron by keys adds another without looking for the button again.
  const again = focused && byId("network").querySelector(`[aria-label="${focused}"]`);
  if (again instanceof HTMLElement) again.focus();
}

/**
 * Show another picture large.
 * @param {number} chosen
 * @param {string} name
 */
function choose(chosen, name) {
  picture = chosen;
  byId("shown").textContent = name.replace(/^the /, "").replace(/^./, (letter) => letter.toUpperCase());
  mark();
  draw();
}

function mark() {
  for (const button of byId("network").querySelectorAll(".neuron")) {
    if (button.dataset.picture === String(picture)) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }
}

/**
 * Make steps, and show what has become of the network.
 * @param {number} steps
 */
async function advance(steps) {
  const asked = learner;
  if (!asked) return;
  const { rate, l1, l2 } = setting;
  const next = await frame(asked, { steps, rate, l1, l2 });
  if (asked !== learner) return;
  latest = next;
  losses.add(next);
  byId("steps").textContent = next.step.toLocaleString("en");
  fill(network, next);
  draw();
}

function draw() {
  if (!latest || !learner) return;
  const answer = picture < 0 || !latest.neurons[picture];
  plane.show({
    values: answer ? latest.output : latest.neurons[picture], lines: answer ? latest.lines : [], points: learner.points,
    train: learner.train, test: setting.test, own: setting.data === "own",
  });
}

const stepsOfPace = () => (setting.pace === "epoch" ? Math.max(1, learner?.epoch ?? 1) : Number(setting.pace));

/** A frame makes the steps that its time allows; a person who asks for ten gets ten. */
async function stepExactly() {
  await making;
  const wanted = (latest?.step ?? 0) + stepsOfPace();
  for (let before = -1; latest && latest.step < wanted && latest.step !== before; ) {
    before = latest.step;
    await advance(wanted - before);
  }
}

async function run() {
  if (looping) return;
  looping = true;
  while (running) {
    await told(() => advance(stepsOfPace()));
    await new Promise((next) => requestAnimationFrame(next));
  }
  looping = false;
  sayResult();
}

/** @param {boolean} on */
function setRunning(on) {
  running = on;
  byId("run").textContent = on ? "Pause" : "Run";
  byId("run").setAttribute("aria-pressed", String(on));
  byId("step").disabled = on;
  if (on) run();
}

function sayResult() {
  if (!latest) return;
  const [train, test] = latest.loss.map((loss) => (loss === null ? "none" : loss.toFixed(3)));
  const right = latest.accuracy[1] === null ? "" : `, ${percent(latest.accuracy[1])} of the test points right`;
  announce(`Step ${latest.step}: training loss ${train}, test loss ${test}${right}`);
}

/**
 * Do something, and say what went wrong.
 * @param {() => Promise<void>} work
 */
async function told(work) {
  try {
    await work();
    showProblem("");
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    showProblem(error.message);
    if (running) setRunning(false);
    if (error instanceof Gone) startOver();
  }
}

function listen() {
  byId("run").addEventListener("click", () => setRunning(!running));
  byId("step").addEventListener("click", async () => {
    await told(stepExactly);
    sayResult();
  });
  byId("again").addEventListener("click", startOver);
  byId("fewer").addEventListener("click", () => change({ hidden: setting.hidden.slice(0, -1) }));
  byId("more").addEventListener("click", () => change({ hidden: [...setting.hidden, NEW_NEURONS] }));
  addEventListener("hashchange", () => {
    setting = read(location.hash);
    showSetting();
    startOver();
  });
  new ResizeObserver(() => network?.place()).observe(byId("network"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    readColours();
    if (latest) fill(network, latest);
    losses.redraw();
    draw();
  });
}

readColours();
byId("board").append(plane.canvas);
byId("losses").append(...losses.elements);
listen();
showSetting();
startOver();
