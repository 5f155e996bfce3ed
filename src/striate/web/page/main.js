// The page: what can be asked here, and how.

import { byId, counted, showProblem } from "./elements.js";
import * as gallery from "./gallery.js";
import * as intake from "./intake.js";
import { Problem, facts, model } from "./server.js";

/** @param {string} way "draw" or "pictures" */
function show(way) {
  for (const each of ["draw", "pictures"]) {
    byId(each).hidden = each !== way;
    byId(`to-${each}`).setAttribute("aria-pressed", String(each === way));
  }
}

async function begin() {
  const [network, page] = await Promise.all([model(), facts()]);
  const [height, width] = network.size;
  const classes = page.classifies ? [counted(network.classes.length, "class", "classes")] : [network.task];
  const sees = `pictures of ${width} × ${height} pixels${network.channels === 1 ? " in grey" : ""}`;
  byId("network").textContent = [...classes, sees, network.engine].join(" · ");
  gallery.listen(page);
  intake.listen((files) => {
    show("pictures");
    gallery.take(files);
  });
  if (page.draws) {
    const { draw } = await import("./draw.js");
    draw(byId("draw"), page, network.classes);
    byId("ways").hidden = false;
    byId("to-draw").addEventListener("click", () => show("draw"));
    byId("to-pictures").addEventListener("click", () => show("pictures"));
    show("draw");
  }
}

begin().catch((error) => {
  if (!(error instanceof Problem)) throw error;
  showProblem(error.message);
});
