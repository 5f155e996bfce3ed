// How pictures come to the page: dropped, pasted, chosen, photographed.

import { byId, showProblem } from "./elements.js";

/**
 * @param {(files: File[]) => void} take
 */
export function listen(take) {
  const inputs = [["choose", "files"], ["photograph", "camera"]];
  for (const [button, input] of inputs) {
    byId(button).addEventListener("click", () => byId(input).click());
    byId(input).addEventListener("change", () => {
      take([...byId(input).files]);
      byId(input).value = ""; // the same file may be chosen again
    });
  }
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length) take(files);
  });
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    byId("drop").classList.add("over");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) byId("drop").classList.remove("over");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    byId("drop").classList.remove("over");
    take(dropped(event.dataTransfer));
  });
}

/**
 * @param {DataTransfer | null} transfer
 * @returns {File[]}
 */
function dropped(transfer) {
  const items = [...(transfer?.items ?? [])].filter((item) => item.kind === "file");
  const files = items.filter((item) => !item.webkitGetAsEntry()?.isDirectory).map((item) => item.getAsFile());
  if (files.length < items.length) showProblem("A folder cannot be dropped here: open it and drop its pictures.");
  else if (!files.length) showProblem("What was dropped is not a file.");
  return files.filter((file) => file !== null);
}
