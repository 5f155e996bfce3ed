// The charts: which quantity each shows, and what lines that are.

import { make } from "./page/elements.js";
import { chart } from "./chart.js";
import { title } from "./words.js";

const PARTS = ["val_", "train_"];

/**
 * @typedef {import("./server.js").Curves} Curves
 * @typedef {{along: "epoch" | "step" | "seconds", log: boolean, smooth: number}} Setting
 */

/**
 * Charts side by side, each with a choice of what it shows.
 * @param {HTMLElement} place
 * @param {string[]} names of the charts
 */
export function charts(place, names) {
  const panels = names.map((name) => {
    const select = make("select", { "aria-label": `What the ${name} chart shows` });
    const { elements, draw } = chart(`The ${name} chart`);
    place.append(make("div", { className: "chart" }, select, ...elements));
    return { select, draw };
  });
  /** @type {() => void} */
  let again = () => undefined;
  for (const { select } of panels) select.addEventListener("change", () => again());

  /**
   * @param {{curves: Curves, colour: string}[]} drawn
   * @param {Setting} setting
   */
  function draw(drawn, setting) {
    again = () => draw(drawn, setting);
    const figures = Object.assign({}, ...drawn.map(({ curves }) => curves.figures).reverse());
    const names = quantities(drawn.map(({ curves }) => curves));
    const first = Object.keys(drawn[0]?.curves.figures ?? {}).find((name) => names.includes(name) && name !== "loss");
    panels.forEach(({ select, draw: drawChart }, number) => {
      offer(select, names, figures, number ? (first ?? names[1]) : "loss");
      const name = select.value;
      const lines = drawn.flatMap(({ curves, colour }) => linesOf(curves, colour, name, setting));
      drawChart({ lines, along: setting.along, log: setting.log, unit: figures[name]?.unit ?? "" });
    });
  }

  return draw;
}

/**
 * What there is to show: names without train_ and val_, those that are shown for both first.
 * @param {Curves[]} all
 */
function quantities(all) {
  const names = [...new Set(all.flatMap(({ series }) => Object.keys(series)))];
  const [paired, single] = [true, false].map((wanted) => names.filter((name) => PARTS.some((part) => name.startsWith(part)) === wanted));
  return [...new Set([...paired.map(base), ...single])];
}

/** @param {string} name */
const base = (name) => name.replace(/^(train|val)_/, "");

/**
 * @param {any} select
 * @param {string[]} names
 * @param {Record<string, {title: string}>} figures
 * @param {string | undefined} first what is shown before a person has chosen
 */
function offer(select, names, figures, first) {
  if (names.join() === select.dataset.names) return;
  const before = select.value || first;
  select.dataset.names = names.join();
  select.replaceChildren(...names.map((name) => make("option", { value: name }, title(name, figures))));
  select.value = names.includes(before) ? before : (names.includes(first ?? "") ? first : (names[0] ?? ""));
}

/**
 * @param {Curves} curves
 * @param {string} colour
 * @param {string} name
 * @param {Setting} setting
 */
function linesOf({ run, series, ...places }, colour, name, { along, smooth }) {
  return [`val_${name}`, name, `train_${name}`].filter((each) => each in series).map((each) => ({
    run, colour, dashed: each.startsWith("train_"), x: places[along], y: series[each], smooth: smoothed(series[each], smooth),
  }));
}

/**
 * The exponential mean of a series, of which the first values do not weigh more for being first (Kingma and Ba,
 * arXiv:1412.6980, section 3).
 * @param {(number | null)[]} values
 * @param {number} keep of the mean before; 0: the series itself
 */
function smoothed(values, keep) {
  if (!keep) return values;
  let [mean, weight] = [0, 0];
  return values.map((value) => {
    if (value === null) return null;
    mean = keep * mean + (1 - keep) * value;
    weight = keep * weight + (1 - keep);
    return mean / weight;
  });
}
