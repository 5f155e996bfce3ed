// Elements and words. Text is only ever text: nothing here, or anywhere on the page, reads HTML.

const SPACE = "\u00a0";

/**
 * Make an element.
 * @param {string} tag
 * @param {Record<string, any>} [properties] of the element; those with a dash are attributes.
 * @param {...(Node | string)} children
 * @returns {any}
 */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

/**
 * The element with this id.
 * @param {string} id
 * @returns {any}
 */
export const byId = (id) => document.getElementById(id);

/**
 * A share as a person reads it: "72 %", "3.4 %", "< 0.1 %".
 * @param {number} share 0 to 1
 */
export function percent(share) {
  const hundredths = share * 100;
  if (hundredths > 0 && hundredths < 0.05) return `<${SPACE}0.1${SPACE}%`;
  const whole = hundredths >= 99.95 || hundredths === 0 || (hundredths >= 10 && hundredths < 99);
  return `${hundredths.toFixed(whole ? 0 : 1)}${SPACE}%`;
}

/**
 * @param {number} count
 * @param {string} word of one
 * @param {string} [words] of several
 */
export function counted(count, word, words = `${word}s`) {
  return `${count.toLocaleString("en")} ${count === 1 ? word : words}`;
}

/**
 * Say it to those who hear the page.
 * @param {string} text
 */
export function announce(text) {
  byId("status").textContent = text;
}

/**
 * Show what went wrong, or with "" nothing.
 * @param {string} sentence
 */
export function showProblem(sentence) {
  byId("problem").textContent = sentence;
  byId("problem").hidden = !sentence;
}

/**
 * Download a text as a file.
 * @param {string} text
 * @param {string} name
 * @param {string} type
 */
export function download(text, name, type) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  make("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
