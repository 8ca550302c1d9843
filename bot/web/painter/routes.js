/** Paths and badges over the picture, as SVG: sharp at every zoom, and the ends of paths can be reached by keyboard. */

import { svg, set } from "./dom.js";
import { STILL } from "./drawing.js";
import { along, lengthOf } from "./geometry.js";
import { badge, color } from "./looks.js";
import { covered } from "./strokes.js";

const HEAD = 15;
const START = 12;
const NUDGES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Routes {
  #isDue = false;

  /**
   * @param {import("./drawing.js").Drawing} drawing
   * @param {import("./view.js").View} view
   * @param {import("./tools.js").Tools} tools
   * @param {{part: (number: number) => string, say: (name: string, values?: object) => string}} words
   */
  constructor(drawing, view, tools, words) {
    this.drawing = drawing;
    this.view = view;
    this.tools = tools;
    this.words = words;
    this.groups = drawing.parts.map((_, number) => this.#group(number));
    this.element = svg("svg", { class: "routes" }, ...this.groups.map((group) => group.element));
    for (const source of [drawing, view]) source.addEventListener("change", () => this.#soon());
    drawing.addEventListener("chosen", () => this.#soon());
    for (const name of ["change", "drawn"]) tools.addEventListener(name, () => this.#soon());
  }

  /** Put the keyboard on the end of a part's path. */
  focusEnd(number) {
    this.#draw();
    this.groups[number].end.focus();
  }

  #group(number) {
    const paint = { fill: "none", "stroke-linecap": "round", "stroke-linejoin": "round" };
    const halo = svg("polyline", { ...paint, class: "halo" });
    const line = svg("polyline", { ...paint, class: "line", stroke: color(number) });
    const head = svg("polygon", { class: "head", fill: color(number) });
    const end = svg("circle", {
      class: "end", r: HEAD, tabindex: 0, role: "slider", "data-part": number,
      keydown: (event) => this.#nudge(event, number),
    });
    const mark = svg("g", { class: "badge" },
      svg("circle", { r: START, fill: color(number) }),
      svg("text", { "text-anchor": "middle", dy: "0.35em" }, badge(number)));
    const element = svg("g", { class: "route", "data-part": number }, halo, line, head, mark, end);
    return { element, halo, line, head, end, mark };
  }

  #nudge(event, number) {
    const step = NUDGES[event.key];
    if (!step) return;
    event.preventDefault();
    const { width, height } = this.drawing.size;
    const long = event.shiftKey ? 1 : Math.max(1, Math.round(Math.max(width, height) / 100));
    const { x, y } = this.drawing.parts[number].path.at(-1);
    this.drawing.moveEnd(number, { x: x + step[0] * long, y: y + step[1] * long });
  }

  #soon() {
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      this.#draw();
    });
  }

  #draw() {
    this.groups.forEach((group, number) => {
      const path = this.#path(number).map((point) => this.view.toWindow(point));
      const place = path[0] ?? this.#center(number);
      const isShown = place !== null && this.drawing.shown[number];
      set(group.element, "hidden", !isShown);
      group.element.classList.toggle("chosen", number === this.drawing.chosen);
      if (isShown) set(group.mark, "transform", `translate(${place.x} ${place.y})`);
      this.#drawLine(group, isShown ? path : []);
      this.#tell(group.end, number);
    });
  }

  #path(number) {
    const isLive = this.tools.path && number === this.drawing.chosen;
    return isLive ? this.tools.path : this.drawing.parts[number].path;
  }

  #center(number) {
    const box = covered(this.drawing.parts[number].strokes, this.drawing.size);
    return box && this.view.toWindow({ x: box.x + box.width / 2, y: box.y + box.height / 2 });
  }

  #drawLine({ halo, line, head, end }, path) {
    const points = path.map(({ x, y }) => `${x},${y}`).join(" ");
    set(halo, "points", points);
    set(line, "points", points);
    set(head, "points", path.length > 1 ? arrow(path) : "");
    const tip = path.at(-1) ?? { x: 0, y: 0 };
    set(end, "cx", tip.x);
    set(end, "cy", tip.y);
  }

  #tell(end, number) {
    const { path } = this.drawing.parts[number];
    const place = path.at(-1);
    set(end, "hidden", number === STILL || !place || !this.drawing.shown[number]);
    if (!place) return;
    set(end, "aria-label", this.words.say("path_end", { part: this.words.part(number) }));
    set(end, "aria-valuenow", place.x);
    set(end, "aria-valuemin", 0);
    set(end, "aria-valuemax", this.drawing.size.width - 1);
    set(end, "aria-valuetext", this.words.say("place", place));
  }
}

/** The head of an arrow at a line's end, in the direction that its last stretch has. */
function arrow(path) {
  const tip = path.at(-1);
  const behind = along(path, 1 - HEAD / Math.max(HEAD, lengthOf(path)));
  const turn = Math.atan2(tip.y - behind.y, tip.x - behind.x);
  return [0, 2.6, -2.6]
    .map((side) => [tip.x + HEAD * Math.cos(turn + side) * (side ? 1 : 0.5), tip.y + HEAD * Math.sin(turn + side) * (side ? 1 : 0.5)])
    .map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`)
    .join(" ");
}
