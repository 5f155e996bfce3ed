// Answers as tables: on the page where they are not classes, and as a file for spreadsheets.

import { boxCells } from "./box.js";
import { make } from "./elements.js";
import { labelCells } from "./labels.js";
import { objectRows } from "./objects.js";
import { TOP } from "./server.js";
import { refused } from "./tile.js";

const FORMULAS = /^[=+\-@\t\r]/;

/**
 * An answer of any task, as it is told in JSON.
 * @param {Record<string, any>} answer
 */
export function asTable(answer) {
  const fields = Object.entries(answer).filter(([name]) => name !== "path");
  const rows = fields.map(([name, value]) =>
    make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, plain(value))),
  );
  return make("table", {}, make("caption", {}, "The answer"), make("tbody", {}, ...rows));
}

/**
 * Comma-separated values, with the columns of `striate predict --csv`.
 * @param {{name: string, answer?: any, problem?: string, size?: number[]}[]} pictures
 * @param {boolean} classifies
 */
export function asCsv(pictures, classifies) {
  const detects = pictures.some(({ answer }) => answer?.objects);
  const rows = detects ? objectRows(pictures) : classifies ? classRows(pictures) : fieldRows(pictures);
  // The mark in front tells Excel that this is UTF-8.
  return "\ufeff" + rows.map((row) => row.map(cell).join(",") + "\r\n").join("");
}

/** @param {{name: string, answer?: any, problem?: string}[]} pictures */
function classRows(pictures) {
  const places = [...Array(Math.max(1, ...pictures.map((each) => each.answer?.top.length ?? 0))).keys()].slice(0, TOP);
  const columns = places.flatMap((place) => (place ? [`label_${place + 1}`, `probability_${place + 1}`] : []));
  const rows = pictures.map(({ name, answer, problem }) => {
    const told = refused(answer) ? [answer, ...answer.top] : (answer?.top ?? []);
    return [name, ...places.flatMap((place) => [told[place]?.label ?? "", told[place]?.probability ?? ""]), problem ?? ""];
  });
  return [["path", "label", "probability", ...columns, "problem"], ...rows];
}

/** @param {{name: string, answer?: any, problem?: string, size?: number[]}[]} pictures */
function fieldRows(pictures) {
  /** @param {{answer?: any, size?: number[]}} picture of a mask a column for each class */
  const cells = ({ answer, size }) => {
    if (answer?.labels) return labelCells(answer.labels);
    return answer?.box ? boxCells(answer, size) : (answer?.shares ?? answer ?? {});
  };
  const told = pictures.flatMap((each) => Object.keys(cells(each)));
  const fields = [...new Set(told)].filter((field) => field !== "path");
  const rows = pictures.map((each) => [
    each.name,
    ...fields.map((field) => plain(cells(each)[field] ?? "")),
    each.problem ?? "",
  ]);
  return [["path", ...fields, "problem"], ...rows];
}

/** @param {any} value */
const plain = (value) => (typeof value === "object" ? JSON.stringify(value) : String(value));

/**
 * A cell that no spreadsheet takes for a formula.
 * @param {string | number} value
 */
export function cell(value) {
  if (typeof value === "number") return String(value);
  const safe = FORMULAS.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
