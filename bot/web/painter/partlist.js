/** The parts, the one that is worked on, and what can be done with it. */

import { el, set } from "./dom.js";
import { STILL } from "./drawing.js";
import { pixel } from "./geometry.js";
import { icon } from "./icons.js";
import { badge, swatch } from "./looks.js";
import { covered } from "./strokes.js";

const STRAIGHT = 0.2; // of the picture's width

/**
 * @param {import("./toolbar.js").Parts & {routes: import("./routes.js").Routes}} parts
 * @returns {HTMLElement}
 */
export function partList(parts) {
  const { drawing, tools, words } = parts;
  const rows = drawing.parts.map((_, number) => row(parts, number));
  const about = details(parts);
  const tell = () => {
    rows.forEach((one) => one.tell());
    about.tell();
  };
  for (const name of ["change", "chosen"]) drawing.addEventListener(name, tell);
  tools.addEventListener("change", tell);
  tell();
  return el("fieldset", { class: "parts" },
    el("legend", {}, words.say("parts")),
    el("div", { class: "list" }, ...rows.map((one) => one.element)),
    about.element);
}

function row({ drawing, words }, number) {
  const radio = el("input", { type: "radio", name: "part", value: number, change: () => drawing.choose(number) });
  const state = el("span", { class: "state" });
  const element = el("label", { class: "part", "data-part": number, title: words.part(number) },
    radio,
    el("span", { class: "paint" }, swatch(number), el("span", { class: "badge", "aria-hidden": "true" }, badge(number))),
    el("span", { class: "name" }, words.part(number)),
    state);
  const tell = () => {
    radio.checked = drawing.chosen === number;
    state.textContent = stateOf(drawing, words, number);
    element.classList.toggle("empty", !drawing.parts[number].strokes.length && !drawing.parts[number].path.length);
  };
  return { element, tell };
}

function stateOf(drawing, words, number) {
  const { strokes, path } = drawing.parts[number];
  const isPainted = covered(strokes, drawing.size) !== null;
  if (!isPainted && !path.length) return words.say("nothing_painted");
  if (!drawing.shown[number]) return words.say("hidden");
  if (!isPainted) return words.say("only_path");
  if (number === STILL) return words.say("painted");
  return words.say(path.length ? "with_path" : "without_path");
}

function details(parts) {
  const { drawing, tools, words } = parts;
  const hint = el("p", { class: "hint" });
  const show = el("button", { type: "button", class: "icon-button", click: () => drawing.show(drawing.chosen, !drawing.shown[drawing.chosen]) });
  const clear = el("button", { type: "button", class: "icon-button", click: () => drawing.clear(drawing.chosen) }, icon("clear"));
  const straight = el("button", { type: "button", class: "quiet straight", click: () => layStraight(parts) }, icon("straight"), words.say("straight_path"));
  const tell = () => {
    const number = drawing.chosen;
    hint.textContent = words.say(hintFor(tools.tool, number));
    tellShown(show, drawing.shown[number], words, number);
    name(clear, words.say("clear", { part: words.part(number) }));
    const isPainted = covered(drawing.part.strokes, drawing.size) !== null;
    set(straight, "hidden", number === STILL || !isPainted || drawing.part.path.length > 0);
  };
  return { element: el("div", { class: "details" }, hint, straight, show, clear), tell };
}

function tellShown(button, isShown, words, number) {
  button.replaceChildren(icon(isShown ? "shown" : "hidden"));
  name(button, words.say(isShown ? "hide" : "show", { part: words.part(number) }));
}

function name(button, said) {
  set(button, "aria-label", said);
  set(button, "title", said);
}

function hintFor(tool, number) {
  if (tool === "brush") return number === STILL ? "hint_brush_still" : "hint_brush_moves";
  if (tool === "path" && number === STILL) return "hint_path_still";
  return `hint_${tool}`;
}

/** A path for who cannot drag one: from the middle of what is painted to the side that has more room. */
function layStraight({ drawing, routes }) {
  const box = covered(drawing.part.strokes, drawing.size);
  const start = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  const reach = drawing.size.width * STRAIGHT * (start.x < drawing.size.width / 2 ? 1 : -1);
  const end = pixel({ x: start.x + reach, y: start.y }, drawing.size);
  drawing.lay([pixel(start, drawing.size), end]);
  routes.focusEnd(drawing.chosen);
}
