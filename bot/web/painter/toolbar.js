/** The tools, the size of the brush, what was done, how large the picture is, and the preview. */

import { el, set } from "./dom.js";
import { icon } from "./icons.js";
import { SIZES, TOOLS } from "./tools.js";

const LETTERS = { brush: "B", eraser: "E", path: "P", hand: "H" };

/**
 * @typedef {object} Parts
 * @property {import("./drawing.js").Drawing} drawing
 * @property {import("./view.js").View} view
 * @property {import("./tools.js").Tools} tools
 * @property {import("./preview.js").Preview} preview
 * @property {import("./words.js").Words} words
 */

/**
 * @param {Parts} parts
 * @returns {HTMLElement}
 */
export function toolbar(parts) {
  const { words } = parts;
  return el("div", { class: "toolbar", role: "toolbar", "aria-label": words.say("tools") },
    el("div", { class: "group tools" }, ...TOOLS.map((tool) => toolButton(parts, tool))),
    sizeSlider(parts),
    el("div", { class: "group steps" }, ...stepButtons(parts)),
    el("div", { class: "group zoom", role: "group", "aria-label": words.say("zoom") }, ...zoomButtons(parts)),
    previewButton(parts));
}

/** A button that shows an icon and says its name to whoever rests on it or cannot see it. */
function button(name, said, press, props = {}) {
  return el("button", { type: "button", class: `icon-button ${name}`, "aria-label": said, title: said, click: press, ...props }, icon(name));
}

function toolButton({ tools, words, preview }, tool) {
  const said = words.say(tool);
  const made = button(tool, said, () => {
    if (preview.isPlaying) preview.stop();
    tools.take(tool);
  }, { title: `${said} (${LETTERS[tool]})` });
  const tell = () => set(made, "aria-pressed", String(tools.tool === tool));
  tools.addEventListener("change", tell);
  tell();
  return made;
}

function sizeSlider({ tools, words }) {
  const said = el("output", { class: "value" });
  const slider = el("input", {
    type: "range", min: SIZES.least, max: SIZES.most, "aria-label": words.say("brush_size"), title: words.say("brush_size"),
    input: (event) => tools.resize(Number(event.target.value)),
  });
  const tell = () => {
    slider.value = String(tools.size);
    said.textContent = `${Math.round(2 * tools.radius)} px`;
    slider.setAttribute("aria-valuetext", said.textContent);
  };
  tools.addEventListener("change", tell);
  tell();
  return el("div", { class: "group size" }, slider, said);
}

function stepButtons({ drawing, words }) {
  const undo = button("undo", words.say("undo"), () => drawing.undo(), { title: `${words.say("undo")} (Ctrl+Z)` });
  const redo = button("redo", words.say("redo"), () => drawing.redo(), { title: `${words.say("redo")} (Ctrl+Y)` });
  const tell = () => {
    // A button that has the keyboard keeps it when there is nothing more to undo.
    set(undo, "aria-disabled", String(!drawing.canUndo));
    set(redo, "aria-disabled", String(!drawing.canRedo));
  };
  drawing.addEventListener("change", tell);
  tell();
  return [undo, redo];
}

function zoomButtons({ view, words }) {
  const fit = el("button", { type: "button", class: "icon-button fit", title: words.say("fit"), click: () => view.fit() });
  const tell = () => {
    fit.textContent = `${Math.round(view.zoom * 100)} %`;
    fit.setAttribute("aria-label", `${words.say("fit")}: ${fit.textContent}`);
  };
  view.addEventListener("change", tell);
  tell();
  return [
    button("out", words.say("zoom_out"), () => view.zoomBy(0.8)),
    fit,
    button("in", words.say("zoom_in"), () => view.zoomBy(1.25)),
  ];
}

function previewButton({ preview, words }) {
  const label = el("span", { class: "label" });
  const made = el("button", { type: "button", class: "play", click: () => (preview.isPlaying ? preview.stop() : preview.play()) }, label);
  const tell = () => {
    label.textContent = words.say(preview.isPlaying ? "stop" : "play");
    made.querySelector("svg")?.remove();
    made.prepend(icon(preview.isPlaying ? "stop" : "play"));
    set(made, "aria-pressed", String(preview.isPlaying));
  };
  preview.addEventListener("change", tell);
  tell();
  return made;
}

/**
 * Keys that do what buttons do: letters on the easel, Ctrl+Z and Ctrl+Y everywhere but in text.
 * @param {HTMLElement} easel
 * @param {Parts} parts
 */
export function listen(easel, { drawing, tools }) {
  easel.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const tool = TOOLS.find((one) => LETTERS[one] === event.key.toUpperCase());
    if (tool) tools.take(tool);
    if (event.key === "[" || event.key === "]") tools.resize(tools.size + (event.key === "]" ? 4 : -4));
    if (/^[1-9]$/.test(event.key) && Number(event.key) < drawing.parts.length) drawing.choose(Number(event.key));
  });
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.target instanceof HTMLTextAreaElement) return;
    const key = event.key.toLowerCase();
    if (key !== "z" && key !== "y") return;
    event.preventDefault();
    if (key === "y" || event.shiftKey) drawing.redo();
    else drawing.undo();
  });
}
