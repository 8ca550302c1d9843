/**
 * What is painted: lines as they were drawn, never pixels, so that a picture of any size costs little. Part 0 stands
 * still, the others move.
 *
 * @typedef {import("./geometry.js").Point} Point
 * @typedef {import("./geometry.js").Size} Size
 * @typedef {{erases: boolean, radius: number, points: Point[]}} Stroke in pixels of the picture; is never changed
 * @typedef {{strokes: Stroke[], path: Point[]}} Part is never changed; a path is empty or has two points at least
 */

import { pixel } from "./geometry.js";

export const STILL = 0;

const MOST_STEPS = 200;
const MOST_KEPT = 4_000_000; // characters; browsers keep some five million for one site

const EMPTY = Object.freeze({ strokes: [], path: [] });

/** Tells by `change` that the parts are others, and by `chosen` that another one is worked on or shown. */
export class Drawing extends EventTarget {
  #undo = [];
  #redo = [];

  /**
   * @param {Size} size
   * @param {number} groups how many parts may move
   */
  constructor(size, groups) {
    super();
    this.size = size;
    /** @type {readonly Part[]} */
    this.parts = Array(groups + 1).fill(EMPTY);
    this.shown = Array(groups + 1).fill(true);
    this.chosen = groups > 0 ? 1 : STILL;
  }

  get part() {
    return this.parts[this.chosen];
  }

  get canUndo() {
    return this.#undo.length > 0;
  }

  get canRedo() {
    return this.#redo.length > 0;
  }

  get isEmpty() {
    return this.parts.every((part) => !part.strokes.length && !part.path.length);
  }

  /** Work on another part, which is shown then. */
  choose(number) {
    this.chosen = number;
    this.shown[number] = true;
    this.dispatchEvent(new Event("chosen"));
  }

  show(number, isShown) {
    this.shown[number] = isShown;
    this.dispatchEvent(new Event("chosen"));
  }

  /** @param {Stroke} stroke */
  add(stroke) {
    this.#become(this.chosen, { ...this.part, strokes: [...this.part.strokes, Object.freeze(stroke)] });
  }

  /** @param {Point[]} path */
  lay(path, number = this.chosen) {
    this.#become(number, { ...this.parts[number], path });
  }

  /** Bring the end of a part's path somewhere else; nudges in a row are undone together. */
  moveEnd(number, place) {
    const end = pixel(place, this.size);
    this.#become(number, { ...this.parts[number], path: [...this.parts[number].path.slice(0, -1), end] }, `end ${number}`);
  }

  clear(number) {
    if (this.parts[number] !== EMPTY) this.#become(number, EMPTY);
  }

  undo() {
    this.#go(this.#undo, this.#redo);
  }

  redo() {
    this.#go(this.#redo, this.#undo);
  }

  #become(number, part, kind = null) {
    const before = this.#undo[this.#undo.length - 1];
    if (kind === null || before?.kind !== kind) this.#undo.push({ parts: this.parts, kind });
    if (this.#undo.length > MOST_STEPS) this.#undo.shift();
    this.#redo = [];
    this.parts = this.parts.with(number, Object.freeze(part));
    this.dispatchEvent(new Event("change"));
  }

  #go(from, to) {
    const step = from.pop();
    if (!step) return;
    to.push({ parts: this.parts, kind: null });
    const number = step.parts.findIndex((part, i) => part !== this.parts[i]);
    this.parts = step.parts;
    this.dispatchEvent(new Event("change"));
    if (number >= 0) this.choose(number);
  }

  /** All of it as a text that `restore` reads; null where it is too long to be kept. */
  kept() {
    const parts = this.parts.map(({ strokes, path }) => [
      strokes.map(({ erases, radius, points }) => [erases ? 1 : 0, tenths(radius), points.flatMap(flat)]),
      path.flatMap(flat),
    ]);
    const text = JSON.stringify([this.size.width, this.size.height, parts]);
    return text.length > MOST_KEPT ? null : text;
  }

  /**
   * Take up what was kept.
   * @param {string} text
   * @returns {boolean} whether it was for this picture
   */
  restore(text) {
    const [width, height, parts] = JSON.parse(text);
    const fits = width === this.size.width && height === this.size.height && parts.length === this.parts.length;
    if (!fits) return false;
    this.parts = parts.map(([strokes, path]) => ({
      strokes: strokes.map(([erases, radius, points]) => ({ erases: erases === 1, radius, points: pairs(points) })),
      path: pairs(path),
    }));
    this.dispatchEvent(new Event("change"));
    return true;
  }
}

function tenths(number) {
  return Math.round(number * 10) / 10;
}

function flat({ x, y }) {
  return [tenths(x), tenths(y)];
}

function pairs(numbers) {
  return Array.from({ length: numbers.length / 2 }, (_, i) => ({ x: numbers[2 * i], y: numbers[2 * i + 1] }));
}
