// What every layer makes of a picture: sheets of maps, and bars for units.

import { make } from "./elements.js";

const LEVELS = 255;
const MOST_LABELS = 12;

/**
 * Show a picture and its layers in a list, whose elements are used again while a finger moves.
 * @param {HTMLElement} list
 * @param {HTMLCanvasElement} input what the network sees
 * @param {import("./server.js").Layer[]} layers
 * @param {string[]} classes
 */
export function showLayers(list, input, layers, classes) {
  const wanted = ["input", ...layers.map(({ name, shape }) => `${name} ${shape}`)];
  if (list.dataset.layers !== wanted.join()) {
    list.replaceChildren(inputSheet(input), ...layers.map(sheet));
    list.dataset.layers = wanted.join();
    if (layers.at(-1)?.of === classes.length && classes.length <= MOST_LABELS) label(list.lastElementChild, classes);
  }
  const [first, ...others] = list.children;
  copy(input, /** @type {HTMLCanvasElement} */ (first.querySelector("canvas")));
  layers.forEach((layer, place) => fill(others[place], layer));
}

/**
 * Name the units of the output.
 * @param {Element | null} element
 * @param {string[]} classes
 */
function label(element, classes) {
  const names = classes.map((name) => make("span", {}, name));
  element?.querySelector(".strip")?.append(make("div", { className: "labels", "aria-hidden": "true" }, ...names));
}

/** @param {HTMLCanvasElement} input */
function inputSheet({ width, height }) {
  const canvas = make("canvas", { width, height, className: "map input" });
  return figure("input", `${height} × ${width} pixels`, [canvas], "maps");
}

/** @param {import("./server.js").Layer} layer */
function sheet({ name, of, shape }) {
  const [maps, height, width] = shape;
  if (height === 1 && maps === 1) {
    const canvas = make("canvas", { className: "units", width: width * unitPixels(width), height: 96 });
    return figure(name, of > width ? `${width} of ${of} units` : `${of} units`, [canvas], "strip");
  }
  const canvases = Array.from({ length: maps }, () => {
    const canvas = make("canvas", { width, height, className: "map" });
    canvas.style.setProperty("--side", `${Math.round(22 + 2.2 * Math.max(height, width))}px`);
    return canvas;
  });
  const count = of > maps ? `${maps} of ${of}` : `${of}`;
  return figure(name, `${count} ${of === 1 ? "map" : "maps"} of ${height} × ${width}`, canvases, "maps");
}

/**
 * @param {string} name
 * @param {string} what
 * @param {HTMLElement[]} canvases
 * @param {string} kind
 */
function figure(name, what, canvases, kind) {
  const short = name.slice(name.lastIndexOf(".") + 1);
  const title = make("b", {}, /^\d+$/.test(short) ? name : short);
  const caption = make("figcaption", { title: name }, title, make("span", {}, what));
  const drawn = make("div", { className: kind, role: "img", "aria-label": `${name}: ${what}` }, ...canvases);
  return make("figure", { className: "layer" }, caption, drawn);
}

/**
 * @param {Element} element
 * @param {import("./server.js").Layer} layer
 */
function fill(element, layer) {
  const canvases = /** @type {HTMLCanvasElement[]} */ ([...element.querySelectorAll("canvas")]);
  const [maps, height, width] = layer.shape;
  if (canvases[0].classList.contains("units")) {
    drawUnits(canvases[0], layer);
    return;
  }
  // All maps of a layer on one scale, so that a map which says little looks so.
  const low = Math.min(...layer.ranges.map(([least]) => least));
  const span = Math.max(...layer.ranges.map(([, most]) => most)) - low || 1;
  for (let map = 0; map < maps; map += 1) {
    const image = new ImageData(width, height);
    layer.values.subarray(map * height * width, (map + 1) * height * width).forEach((byte, place) => {
      const grey = (LEVELS * (numberOf(byte, layer.ranges[map]) - low)) / span;
      image.data.set([grey, grey, grey, LEVELS], 4 * place);
    });
    /** @type {CanvasRenderingContext2D} */ (canvases[map].getContext("2d")).putImageData(image, 0, 0);
  }
}

/**
 * Units as bars from 0 up or down.
 * @param {HTMLCanvasElement} canvas
 * @param {import("./server.js").Layer} layer
 */
function drawUnits(canvas, { values, ranges }) {
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const [[least, most]] = ranges;
  const [low, high] = [Math.min(0, least), Math.max(0, most)];
  const height = (/** @type {number} */ value) => (canvas.height * (high - value)) / (high - low || 1);
  const style = getComputedStyle(canvas);
  const step = unitPixels(values.length);
  context.clearRect(0, 0, canvas.width, canvas.height);
  values.forEach((byte, unit) => {
    const value = numberOf(byte, ranges[0]);
    context.fillStyle = style.getPropertyValue(value < 0 ? "--orange" : "--blue");
    const [top, bottom] = [height(Math.max(0, value)), height(Math.min(0, value))];
    context.fillRect(unit * step, top, step * 0.8, Math.max(1, bottom - top));
  });
  context.fillStyle = style.getPropertyValue("--soft");
  context.fillRect(0, height(0), canvas.width, 1);
}

/**
 * What a byte of a layer stands for.
 * @param {number} byte
 * @param {number[]} range of the map or the units that it is of
 */
const numberOf = (byte, [least, most]) => least + (byte / LEVELS) * (most - least);

/**
 * Pixels of a bar and the gap behind it.
 * @param {number} units
 */
const unitPixels = (units) => Math.max(2, Math.min(48, Math.floor(960 / units)));

/**
 * @param {HTMLCanvasElement} from
 * @param {HTMLCanvasElement} to
 */
function copy(from, to) {
  /** @type {CanvasRenderingContext2D} */ (to.getContext("2d")).drawImage(from, 0, 0);
}
