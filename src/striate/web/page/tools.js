// The buttons beside the pad: what happens to a drawing on its way to the network.

import { make } from "./elements.js";
import { NONE } from "./render.js";

/** @typedef {import("./render.js").Effects} Effects */

const SHIFT = 1 / 16; // of the side
const TURN = 10; // degrees
const THICKER = 1.3;
const [THINNEST, THICKEST] = [0.03, 0.4]; // of the side
const NOISE = [0, 25, 50, 90]; // standard deviations of grey, one after the other

/**
 * The buttons, and the effects that they stand at.
 * @param {() => void} changed called when the effects are others
 * @param {() => void} cleared called when the drawing is to go, and with it what moved it
 */
export function tools(changed, cleared) {
  let effects = { ...NONE };

  /** @param {Partial<Effects>} change */
  function set(change) {
    effects = { ...effects, ...change };
    fit.setAttribute("aria-pressed", String(effects.fit));
    invert.setAttribute("aria-pressed", String(effects.inverted));
  }

  /**
   * @param {string} text
   * @param {string} label
   * @param {() => Partial<Effects>} change
   */
  function button(text, label, change) {
    const made = make("button", { type: "button", title: label, "aria-label": label }, text);
    made.addEventListener("click", () => {
      set(change());
      changed();
    });
    return made;
  }

  const fit = button("Fit", "Centre the drawing and scale it to the picture", () => ({ fit: !effects.fit }));
  const more = () => NOISE[(NOISE.indexOf(effects.noise) + 1) % NOISE.length];
  const noise = button("Noise", "Noise: more, then none", () => ({ noise: more() }));
  const invert = button("Invert", "Dark ink on light paper", () => ({ inverted: !effects.inverted }));
  const clear = make("button", { type: "button", className: "clear" }, "Clear");
  clear.addEventListener("click", () => {
    set({ ...NONE, fit: effects.fit, inverted: effects.inverted });
    cleared();
  });
  set({});
  const element = make("div", { className: "tools", role: "group", "aria-label": "What happens to the drawing" },
    group("Shift",
      button("←", "Shift to the left", () => ({ right: effects.right - SHIFT })),
      button("↑", "Shift up", () => ({ down: effects.down - SHIFT })),
      button("↓", "Shift down", () => ({ down: effects.down + SHIFT })),
      button("→", "Shift to the right", () => ({ right: effects.right + SHIFT }))),
    group("Turn",
      button("↺", "Turn to the left", () => ({ degrees: effects.degrees - TURN })),
      button("↻", "Turn to the right", () => ({ degrees: effects.degrees + TURN }))),
    group("Pen",
      button("−", "Thinner", () => ({ thick: Math.max(THINNEST, effects.thick / THICKER) })),
      button("+", "Thicker", () => ({ thick: Math.min(THICKEST, effects.thick * THICKER) }))),
    group("", noise, invert, fit),
    clear);
  return { element, effects: () => effects };
}

/**
 * @param {string} name
 * @param {...HTMLElement} buttons
 */
function group(name, ...buttons) {
  const title = name ? [make("span", {}, name)] : [];
  return make("div", { className: "group", role: "group", "aria-label": name || "More" }, ...title, ...buttons);
}
