/** What is painted, over the picture: one canvas a part, as large as the window and as fine as the screen. */

import { paint } from "./looks.js";
import { canvas, drawStrokes, lineThrough } from "./strokes.js";

export class Layers {
  #canvases = [];
  #drawn = []; // which part stands on which canvas
  #isDue = false;
  #live = null;

  /**
   * @param {HTMLElement} host
   * @param {import("./drawing.js").Drawing} drawing
   * @param {import("./view.js").View} view
   */
  constructor(host, drawing, view) {
    this.host = host;
    this.drawing = drawing;
    this.view = view;
    drawing.addEventListener("change", () => this.#draw());
    drawing.addEventListener("chosen", () => this.#draw());
    view.addEventListener("change", () => this.#soon(() => (this.#drawn = [])));
  }

  /**
   * Show a stroke that is being drawn, and only grows; null when it is done with.
   * @param {import("./drawing.js").Stroke | null} stroke
   */
  live(stroke) {
    const number = this.#live?.number ?? this.drawing.chosen;
    this.#live = stroke && { stroke, number, done: 0 };
    if (stroke) this.grow();
    else this.#soon(() => (this.#drawn[number] = undefined));
  }

  /** Draw what has come to the live stroke. */
  grow() {
    const { number } = this.#live;
    if (this.#drawn[number] === this.drawing.parts[number]) this.#drawLive(this.#canvases[number].getContext("2d"));
    else this.#redraw(number);
  }

  /** Before the next frame; `first` is done at once. */
  #soon(first) {
    first();
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      this.#draw();
    });
  }

  #draw() {
    this.drawing.parts.forEach((part, number) => {
      const isShown = this.drawing.shown[number] && part.strokes.length > 0;
      if (!isShown && this.#live?.number !== number) this.#drop(number);
      else if (this.#drawn[number] !== part) this.#redraw(number);
    });
  }

  #redraw(number) {
    const ratio = window.devicePixelRatio;
    const scale = this.view.scale * ratio;
    const sheet = this.#sheet(number, ratio);
    const context = sheet.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, sheet.width, sheet.height);
    context.setTransform(scale, 0, 0, scale, this.view.x * ratio, this.view.y * ratio);
    context.strokeStyle = paint(context, number, ratio, scale);
    drawStrokes(context, this.drawing.parts[number].strokes);
    this.#drawn[number] = this.drawing.parts[number];
    if (this.#live?.number !== number) return;
    this.#live.done = 0;
    this.#drawLive(context);
  }

  #drawLive(context) {
    const { stroke, done } = this.#live;
    const points = stroke.points.slice(Math.max(0, done - 1));
    context.globalCompositeOperation = stroke.erases ? "destination-out" : "source-over";
    context.lineWidth = 2 * stroke.radius;
    context.lineCap = context.lineJoin = "round";
    context.stroke(lineThrough(points));
    this.#live.done = stroke.points.length;
  }

  #sheet(number, ratio) {
    const sheet = (this.#canvases[number] ??= this.#hung(number));
    const width = Math.round(this.view.window.width * ratio);
    const height = Math.round(this.view.window.height * ratio);
    if (sheet.width !== width || sheet.height !== height) [sheet.width, sheet.height] = [width, height];
    return sheet;
  }

  #hung(number) {
    const sheet = canvas(1, 1);
    sheet.className = "layer";
    sheet.dataset.part = String(number);
    const above = this.#canvases.slice(number + 1).find(Boolean);
    this.host.insertBefore(sheet, above ?? null);
    return sheet;
  }

  #drop(number) {
    this.#canvases[number]?.remove();
    this.#canvases[number] = this.#drawn[number] = undefined;
  }
}
