// Points of one's own: what a click on the plane does.

import { byId, make } from "./page/elements.js";
import { nearest, within } from "./board.js";

const MOST = 500;
const TOOLS = [["circle", "Circles"], ["square", "Squares"], ["remove", "Remove"]];

/**
 * @param {() => number[][]} points
 * @param {(points: number[][]) => void} changed
 */
export function own(points, changed) {
  let tool = "circle";
  const buttons = TOOLS.map(([name, text]) => {
    const button = make("button", { type: "button", "aria-pressed": String(name === tool) }, text);
    button.addEventListener("click", () => {
      tool = name;
      buttons.forEach((each) => each.setAttribute("aria-pressed", String(each === button)));
    });
    return button;
  });
  const clear = make("button", { type: "button" }, "Clear");
  clear.addEventListener("click", () => changed([]));
  byId("own").append(make("p", {}, "Click on the plane to set points."), ...buttons, clear);

  /**
   * @param {number} x
   * @param {number} y
   */
  return function pointed(x, y) {
    const now = points();
    if (tool === "remove") {
      const place = nearest(now, x, y);
      if (place >= 0) changed(now.filter((_, each) => each !== place));
    } else if (now.length < MOST) {
      const [x1, x2] = [x, y].map((value) => Math.round(10 * within(value)) / 10);
      changed([...now, [x1, x2, tool === "circle" ? 1 : 0]]);
    }
  };
}
