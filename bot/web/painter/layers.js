/**
 * What is painted, over the picture. The part that is worked on has a canvas, all others share one: each is as large as
 * the window and as fine as the screen, and seven of them would have hundreds of megabytes.
 */

import { paint } from "./looks.js";
import { canvas, drawStrokes, lineThrough } from "./strokes.js";

const FINEST_PX = 6_000_000; // of one canvas
const SETTLED_MS = 120;

export class Layers {
  #others = hung("others");
  #chosen = hung("chosen");
  #drawn = { view: undefined, others: undefined, part: undefined };
  #isDue = false;
  #settling = 0;
  #live = null;

  /**
   * @param {import("./drawing.js").Drawing} drawing
   * @param {import("./view.js").View} view
   */
  constructor(drawing, view) {
    this.drawing = drawing;
    this.view = view;
    this.element = document.createElement("div");
    this.element.className = "layers";
    this.element.append(this.#others, this.#chosen);
    for (const name of ["change", "chosen"]) drawing.addEventListener(name, () => this.#soon());
    view.addEventListener("change", () => this.#follow());
  }

  /**
   * Show a stroke that is being drawn, and only grows; null when it is done with.
   * @param {import("./drawing.js").Stroke | null} stroke
   */
  live(stroke) {
    this.#live = stroke && { stroke, done: 0 };
    if (stroke) this.grow();
    else this.#forget("part");
  }

  /** Draw what has come to the live stroke. */
  grow() {
    this.#draw();
    this.#drawLive();
  }

  #drawLive() {
    const { stroke, done } = this.#live;
    const context = this.#chosen.getContext("2d");
    context.globalCompositeOperation = stroke.erases ? "destination-out" : "source-over";
    context.lineWidth = 2 * stroke.radius;
    context.lineCap = context.lineJoin = "round";
    context.stroke(lineThrough(stroke.points.slice(Math.max(0, done - 1))));
    context.globalCompositeOperation = "source-over";
    this.#live.done = stroke.points.length;
  }

  /** While the picture moves, what was drawn moves with it as it is; where it comes to rest it is drawn anew. */
  #follow() {
    const { view } = this.#drawn;
    if (!view || this.#isResized()) return this.#forget("view");
    const scale = this.view.scale / view.scale;
    const [x, y] = [this.view.x - view.x * scale, this.view.y - view.y * scale];
    this.element.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => this.#forget("view"), SETTLED_MS);
  }

  #isResized() {
    const { width, height } = this.view.window;
    return width !== this.#drawn.view.window.width || height !== this.#drawn.view.window.height;
  }

  #forget(what) {
    this.#drawn[what] = undefined;
    this.#soon();
  }

  #soon() {
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      this.#draw();
    });
  }

  /** Draw what is not drawn as it is now. */
  #draw() {
    const { view, drawing } = this;
    const { scale, x, y } = this.#drawn.view ?? {};
    if (scale !== view.scale || x !== view.x || y !== view.y || this.#isResized()) this.#begin();
    const others = JSON.stringify([drawing.chosen, drawing.shown]);
    const parts = drawing.parts.filter((_, number) => number !== drawing.chosen);
    const isSame = this.#drawn.others?.key === others && parts.every((part, i) => part === this.#drawn.others.parts[i]);
    if (!isSame) this.#drawOthers();
    this.#drawn.others = { key: others, parts };
    if (!isSame || this.#drawn.part !== this.#shownPart()) this.#drawChosen();
  }

  /** Nothing is drawn yet where the picture lies now. */
  #begin() {
    clearTimeout(this.#settling);
    const { scale, x, y, window: size } = this.view;
    const fine = Math.sqrt(FINEST_PX / (size.width * size.height));
    const ratio = Math.min(window.devicePixelRatio, Math.max(1, fine));
    this.#drawn = { view: { scale, x, y, window: size, ratio }, others: undefined, part: undefined };
    for (const sheet of [this.#others, this.#chosen]) fit(sheet, size.width * ratio, size.height * ratio);
    this.element.style.transform = "";
    this.element.style.clipPath = outside(this.view);
  }

  #shownPart() {
    return this.drawing.shown[this.drawing.chosen] ? this.drawing.part : null;
  }

  #drawChosen() {
    this.#drawPart(this.#chosen, this.drawing.chosen);
    this.#drawn.part = this.#shownPart();
    if (!this.#live) return;
    this.#live.done = 0;
    this.#drawLive();
  }

  #drawOthers() {
    const { drawing } = this;
    const context = cleared(this.#others);
    drawing.parts.forEach((part, number) => {
      if (number === drawing.chosen || !drawing.shown[number] || !part.strokes.length) return;
      this.#drawPart(this.#chosen, number); // which is drawn anew after that
      context.drawImage(this.#chosen, 0, 0);
    });
  }

  #drawPart(sheet, number) {
    const context = cleared(sheet);
    const { view, drawing } = this;
    if (!drawing.shown[number]) return;
    const { ratio } = this.#drawn.view;
    const scale = view.scale * ratio;
    context.setTransform(scale, 0, 0, scale, view.x * ratio, view.y * ratio);
    context.strokeStyle = paint(context, number, ratio, scale);
    drawStrokes(context, drawing.parts[number].strokes);
  }
}

/** What lies outside of the picture is not painted, whatever the brush reached. */
function outside({ x, y, scale, picture, window: size }) {
  const [right, bottom] = [size.width - x - picture.width * scale, size.height - y - picture.height * scale];
  return `inset(${y}px ${right}px ${bottom}px ${x}px)`;
}

function hung(name) {
  const sheet = canvas(1, 1);
  sheet.className = `layer ${name}`;
  return sheet;
}

function fit(sheet, width, height) {
  const [wide, high] = [Math.max(1, Math.round(width)), Math.max(1, Math.round(height))];
  if (sheet.width !== wide || sheet.height !== high) [sheet.width, sheet.height] = [wide, high];
}

function cleared(sheet) {
  const context = sheet.getContext("2d");
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, sheet.width, sheet.height);
  return context;
}
