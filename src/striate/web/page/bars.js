// Classes as bars with percentages.

import { make, percent } from "./elements.js";

/**
 * The likeliest classes, best first. With `choose` each is a button, whose state says which one is explained.
 * @param {{label: string, probability: number}[]} top
 * @param {(label: string) => void} [choose]
 * @param {string} [called] what those hear who do not see it
 */
export function bars(top, choose, called = "The likeliest classes") {
  const rows = top.map(({ label, probability }) => {
    const fill = make("i", { className: "fill" });
    fill.style.setProperty("width", `${100 * probability}%`);
    const parts = [
      make("span", { className: "share" }, percent(probability)),
      make("span", { className: "name" }, label),
      make("span", { className: "track", "aria-hidden": "true" }, fill),
    ];
    if (!choose) return make("li", { className: "class" }, ...parts);
    const properties = { type: "button", className: "class", "aria-pressed": "false", title: "Show why" };
    const button = make("button", properties, ...parts);
    button.dataset.label = label;
    button.addEventListener("click", () => choose(label));
    return make("li", {}, button);
  });
  return make("ol", { className: "bars", "aria-label": called }, ...rows);
}
