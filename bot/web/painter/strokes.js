/**
 * Strokes on a canvas, and what they cover.
 *
 * @typedef {import("./drawing.js").Stroke} Stroke
 * @typedef {import("./geometry.js").Box} Box
 */

import { around, shared } from "./geometry.js";

const LOOKED_AT_PX = 512;

/** @type {WeakMap<Stroke, Path2D>} */
const lines = new WeakMap();
/** @type {WeakMap<Stroke[], Box | null>} */
const covers = new WeakMap();

/** A canvas that is in no document. */
export function canvas(width, height) {
  const made = document.createElement("canvas");
  made.width = Math.max(1, Math.round(width));
  made.height = Math.max(1, Math.round(height));
  return made;
}

/**
 * Draw strokes where the context's transformation puts the picture.
 * @param {CanvasRenderingContext2D} context its `strokeStyle` is what they are painted with
 * @param {readonly Stroke[]} strokes
 * @param {number} [wider] by how many pixels of the picture, on each side
 */
export function drawStrokes(context, strokes, wider = 0) {
  context.lineCap = context.lineJoin = "round";
  for (const stroke of strokes) {
    context.globalCompositeOperation = stroke.erases ? "destination-out" : "source-over";
    context.lineWidth = 2 * (stroke.radius + (stroke.erases ? -Math.min(wider, stroke.radius / 2) : wider));
    context.stroke(line(stroke));
  }
  context.globalCompositeOperation = "source-over";
}

function line(stroke) {
  if (!lines.has(stroke)) lines.set(stroke, lineThrough(stroke.points));
  return lines.get(stroke);
}

/** A single point is a dot: a line of no length would not be drawn at all. */
export function lineThrough(points) {
  const path = new Path2D();
  path.moveTo(points[0].x, points[0].y);
  for (const point of points.slice(1)) path.lineTo(point.x, point.y);
  path.lineTo(points[points.length - 1].x + 0.01, points[points.length - 1].y);
  return path;
}

/** The box that a stroke may touch. */
export function reach({ points, radius }) {
  const xs = points.map((point) => point.x);
  const ys = points.map((point) => point.y);
  const [x, y] = [least(xs) - radius, least(ys) - radius];
  return { x, y, width: most(xs) + radius - x, height: most(ys) + radius - y };
}

function least(numbers) {
  return numbers.reduce((a, b) => Math.min(a, b));
}

function most(numbers) {
  return numbers.reduce((a, b) => Math.max(a, b));
}

/**
 * The box around what is painted, after the eraser, to some pixels: null where nothing is.
 * @param {readonly Stroke[]} strokes
 * @param {import("./geometry.js").Size} size
 * @returns {Box | null}
 */
export function covered(strokes, size) {
  if (!covers.has(strokes)) covers.set(strokes, lookedAt(strokes, size));
  return covers.get(strokes);
}

function lookedAt(strokes, size) {
  const whole = { x: 0, y: 0, ...size };
  const boxes = strokes.filter((stroke) => !stroke.erases).map((stroke) => shared(reach(stroke), whole));
  const box = boxes.reduce(around, null);
  if (!box || !strokes.some((stroke) => stroke.erases)) return box;
  const scale = Math.min(1, LOOKED_AT_PX / Math.max(box.width, box.height));
  const found = visible(strokes, box, scale);
  return found && {
    x: box.x + found.x / scale,
    y: box.y + found.y / scale,
    width: found.width / scale,
    height: found.height / scale,
  };
}

function visible(strokes, box, scale) {
  const sheet = canvas(Math.ceil(box.width * scale), Math.ceil(box.height * scale));
  const context = sheet.getContext("2d", { willReadFrequently: true });
  context.setTransform(scale, 0, 0, scale, -box.x * scale, -box.y * scale);
  drawStrokes(context, strokes);
  const { data, width, height } = context.getImageData(0, 0, sheet.width, sheet.height);
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      if (data[4 * (y * width + x) + 3] <= 127) continue;
      if (x < left) left = x;
      if (x > right) right = x;
      if (top === height) top = y;
      bottom = y;
    }
  }
  return right < 0 ? null : { x: left, y: top, width: right - left + 1, height: bottom - top + 1 };
}
