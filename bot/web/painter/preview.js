/** A draft of the clip: the painted parts travel their paths over the picture, and what they leave is filled from around. */

import { along, shared } from "./geometry.js";
import { canvas, covered, drawStrokes } from "./strokes.js";

const LONGEST_PX = 1280;
const ROUND_MS = 3000;
const REST_MS = 500; // at the end, before it begins again
const EDGE_PX = 2.5;
const RAMP = 0.25; // of the time, to start and to stop

/** Tells by `change` that it plays, or has ended. */
export class Preview extends EventTarget {
  #frame = 0;

  /**
   * @param {HTMLImageElement} picture
   * @param {import("./drawing.js").Drawing} drawing
   */
  constructor(picture, drawing) {
    super();
    this.picture = picture;
    this.drawing = drawing;
    this.element = canvas(1, 1);
    this.element.className = "preview";
    this.element.hidden = true;
  }

  get isPlaying() {
    return this.#frame !== 0;
  }

  /** Play it until it is stopped; once only, for who wants less motion. */
  play() {
    const scene = this.#scene();
    const isOnce = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const start = performance.now();
    let isOver = false; // not before its end was seen, however long the page was busy
    const step = (now) => {
      if (isOver) return this.stop();
      const gone = now - start;
      isOver = isOnce && gone > ROUND_MS + REST_MS;
      scene(eased(Math.min(1, (isOver ? gone : gone % (ROUND_MS + REST_MS)) / ROUND_MS)));
      this.#frame = requestAnimationFrame(step);
    };
    this.element.hidden = false;
    scene(0);
    this.#frame = requestAnimationFrame(step);
    this.dispatchEvent(new Event("change"));
  }

  stop() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.element.hidden = true;
    this.element.width = this.element.height = 1; // its memory
    this.dispatchEvent(new Event("change"));
  }

  /** @returns {(share: number) => void} draws a moment of the clip, from 0 to 1 */
  #scene() {
    const { width, height } = this.drawing.size;
    const scale = Math.min(1, LONGEST_PX / Math.max(width, height));
    this.element.width = Math.round(width * scale);
    this.element.height = Math.round(height * scale);
    const [still, ...others] = this.drawing.parts;
    const moving = others.filter((part) => part.path.length > 1 && covered(part.strokes, this.drawing.size));
    const ground = filled(this.#without(moving, scale));
    const pieces = moving.map((part) => ({ path: part.path, ...this.#cut(part, scale) })).reverse(); // the first passes before
    const top = covered(still.strokes, this.drawing.size) && this.#cut(still, scale);
    const context = this.element.getContext("2d");
    return (share) => {
      context.drawImage(ground, 0, 0);
      for (const { path, sheet, x, y } of pieces) {
        const now = along(path, share);
        context.drawImage(sheet, x + (now.x - path[0].x) * scale, y + (now.y - path[0].y) * scale);
      }
      if (top) context.drawImage(top.sheet, top.x, top.y);
    };
  }

  /** The picture where a part is painted, with a soft edge: as much of it as has something on it, and where that lies. */
  #cut(part, scale) {
    const { x, y, width, height } = this.#reach(part, scale);
    const sheet = canvas(width, height);
    const context = sheet.getContext("2d");
    const painted = canvas(width, height);
    drawOn(painted, part, scale, { x, y, wider: 0 });
    context.drawImage(resized(painted, 1 / EDGE_PX), 0, 0, width, height);
    context.globalCompositeOperation = "source-in";
    context.drawImage(this.picture, -x, -y, this.element.width, this.element.height);
    return { sheet, x, y };
  }

  /** Whole pixels of the preview around what is painted. */
  #reach(part, scale) {
    const box = covered(part.strokes, this.drawing.size);
    const [x, y] = [Math.floor(box.x * scale - 2 * EDGE_PX), Math.floor(box.y * scale - 2 * EDGE_PX)];
    const width = Math.ceil((box.x + box.width) * scale + 2 * EDGE_PX) - x;
    const height = Math.ceil((box.y + box.height) * scale + 2 * EDGE_PX) - y;
    return shared({ x, y, width, height }, { x: 0, y: 0, width: this.element.width, height: this.element.height });
  }

  /** The picture with holes where parts are painted. */
  #without(parts, scale) {
    const sheet = canvas(this.element.width, this.element.height);
    const context = sheet.getContext("2d");
    context.drawImage(this.picture, 0, 0, sheet.width, sheet.height);
    context.globalCompositeOperation = "destination-out";
    const painted = canvas(sheet.width, sheet.height);
    for (const part of parts) {
      drawOn(painted, part, scale, { x: 0, y: 0, wider: EDGE_PX / scale });
      context.drawImage(painted, 0, 0);
    }
    return sheet;
  }
}

/** At rest at both ends and steady between, as the local renderer moves things. */
function eased(time) {
  if (time > 1 - RAMP) return 1 - eased(1 - time);
  if (time < RAMP) return (time * time) / (2 * RAMP * (1 - RAMP));
  return (time - RAMP / 2) / (1 - RAMP);
}

/** Draw what is painted, and nothing else, on a sheet whose corner lies at `x` and `y` of the preview. */
function drawOn(sheet, part, scale, { x, y, wider }) {
  const context = sheet.getContext("2d");
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, sheet.width, sheet.height);
  context.setTransform(scale, 0, 0, scale, -x, -y);
  context.strokeStyle = "#fff";
  drawStrokes(context, part.strokes, wider);
}

/** What is missing is laid beneath as smaller and smaller copies, which spread what is around it into it. */
function filled(sheet) {
  const copies = [];
  for (let copy = sheet; Math.max(copy.width, copy.height) > 1; copy = resized(copy, 0.5)) copies.push(copy);
  const context = sheet.getContext("2d");
  context.globalCompositeOperation = "destination-over";
  for (const copy of copies.slice(1)) {
    // A copy is thin at the edge of a hole; laid several times it is whole there.
    for (let i = 0; i < 4; i += 1) context.drawImage(copy, 0, 0, sheet.width, sheet.height);
  }
  return sheet;
}

function resized(sheet, factor) {
  const made = canvas(Math.ceil(sheet.width * factor), Math.ceil(sheet.height * factor));
  const context = made.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(sheet, 0, 0, made.width, made.height);
  return made;
}
