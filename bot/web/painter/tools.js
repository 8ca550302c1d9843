/**
 * What drawing does: painting, rubbing out, laying a path, moving the picture.
 *
 * @typedef {"brush" | "eraser" | "path" | "hand"} Tool
 * @typedef {import("./geometry.js").Point} Point
 */

import { STILL } from "./drawing.js";
import { asPath, distance, lengthOf, simplified } from "./geometry.js";

export const TOOLS = /** @type {const} */ (["brush", "eraser", "path", "hand"]);

export const SIZES = { least: 1, most: 100, first: 34 };

const CLICK = 6; // CSS pixels: a shorter line is no path

/** Tells by `change` that another tool or brush is in hand, and by `drawn` that a line that is being drawn has grown. */
export class Tools extends EventTarget {
  /**
   * @param {import("./drawing.js").Drawing} drawing
   * @param {import("./view.js").View} view
   * @param {import("./layers.js").Layers} layers
   * @param {number} mostPoints of one path
   */
  constructor(drawing, view, layers, mostPoints) {
    super();
    this.drawing = drawing;
    this.view = view;
    this.layers = layers;
    this.mostPoints = mostPoints;
    /** @type {Tool} */
    this.tool = "brush";
    this.size = SIZES.first;
    /** @type {import("./drawing.js").Stroke | null} */
    this.stroke = null;
    /** @type {Point[] | null} */
    this.path = null;
  }

  /** Of the brush, in pixels of the picture. */
  get radius() {
    const { width, height } = this.drawing.size;
    return Math.max(1, (Math.max(width, height) * this.size ** 2) / 40_000);
  }

  /** Whether a press draws with the tool that is in hand, on the part that is chosen. */
  get draws() {
    return this.tool !== "hand" && !(this.tool === "path" && this.drawing.chosen === STILL);
  }

  /** @param {Tool} tool */
  take(tool) {
    this.tool = tool;
    this.dispatchEvent(new Event("change"));
  }

  resize(size) {
    this.size = Math.min(SIZES.most, Math.max(SIZES.least, size));
    this.dispatchEvent(new Event("change"));
  }

  /**
   * @param {Point} point in the picture, as all of them here
   * @param {Tool} tool that this line is drawn with, whichever is in hand
   */
  begin(point, tool) {
    if (tool === "path") {
      this.path = [point];
      return;
    }
    this.stroke = { erases: tool === "eraser", radius: this.radius, points: [point] };
    if (!this.drawing.shown[this.drawing.chosen]) this.drawing.show(this.drawing.chosen, true);
    this.layers.live(this.stroke);
  }

  /** @param {Point[]} points */
  extend(points) {
    const line = this.path ?? this.stroke?.points;
    if (!line) return;
    const least = 0.75 / this.view.scale; // finer than this is the trembling of a hand
    for (const point of points) if (distance(point, line[line.length - 1]) >= least) line.push(point);
    if (this.stroke) this.layers.grow();
    this.dispatchEvent(new Event("drawn"));
  }

  end() {
    const { path, stroke } = this;
    this.drop();
    if (path && lengthOf(path) * this.view.scale >= CLICK) this.#lay(path);
    if (stroke) this.drawing.add({ ...stroke, points: simplified(stroke.points, 0.25 / this.view.scale) });
  }

  /** Forget what is being drawn. */
  drop() {
    if (this.stroke) this.layers.live(null);
    this.path = this.stroke = null;
    this.dispatchEvent(new Event("drawn"));
  }

  #lay(points) {
    const path = asPath(points, this.drawing.size, this.mostPoints);
    if (path.length > 1) this.drawing.lay(path);
  }
}
