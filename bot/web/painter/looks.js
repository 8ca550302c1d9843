/** What tells the parts apart: a colour (after Okabe and Ito, for every kind of sight), a hatch and a number. */

import { canvas } from "./strokes.js";

const TILE_PX = 12;
const LINE = "rgba(12, 16, 28, 0.55)";

const RISING = [[0, 1, 1, 0], [-0.5, 0.5, 0.5, -0.5], [0.5, 1.5, 1.5, 0.5]];
const FALLING = [[0, 0, 1, 1], [-0.5, 0.5, 0.5, 1.5], [0.5, -0.5, 1.5, 0.5]];
const LEVEL = [[0, 0.5, 1, 0.5]];
const UPRIGHT = [[0.5, 0, 0.5, 1]];
const DOTTED = [[0.48, 0.5, 0.52, 0.5], [-0.02, 0, 0.02, 0], [0.98, 1, 1.02, 1], [-0.02, 1, 0.02, 1], [0.98, 0, 1.02, 0]];

/** By the number of a part; the one that stands still is the first. */
const LOOKS = [
  { color: "#b8c2d6", hatch: DOTTED, width: 0.26 },
  { color: "#e69f00", hatch: RISING, width: 0.14 },
  { color: "#56b4e9", hatch: FALLING, width: 0.14 },
  { color: "#14b083", hatch: LEVEL, width: 0.2 },
  { color: "#f0e442", hatch: UPRIGHT, width: 0.2 },
  { color: "#f07830", hatch: [...RISING, ...FALLING], width: 0.1 },
  { color: "#dd8fbb", hatch: [...LEVEL, ...UPRIGHT], width: 0.14 },
];

/** The colour of a part; black can be read on each. */
export function color(number) {
  return LOOKS[number].color;
}

/** What stands on a part's badge. */
export function badge(number) {
  return number === 0 ? "‖" : String(number);
}

/**
 * What a part is painted with: its hatch has the same size on the screen at every zoom, and moves with the picture.
 * @param {CanvasRenderingContext2D} context
 * @param {number} number
 * @param {number} ratio pixels of the device for one of CSS
 * @param {number} scale pixels of the context for one unit of its transformation
 */
export function paint(context, number, ratio, scale) {
  const pattern = context.createPattern(tile(number, TILE_PX * ratio), "repeat");
  pattern.setTransform(new DOMMatrix([1 / scale, 0, 0, 1 / scale, 0, 0]));
  return pattern;
}

function tile(number, side) {
  const sheet = canvas(side, side);
  const context = sheet.getContext("2d");
  const { hatch, width } = LOOKS[number];
  context.fillStyle = color(number);
  context.fillRect(0, 0, sheet.width, sheet.height);
  context.scale(sheet.width, sheet.height);
  context.strokeStyle = LINE;
  context.lineWidth = width;
  context.lineCap = "round";
  for (const [fromX, fromY, toX, toY] of hatch) {
    context.beginPath();
    context.moveTo(fromX, fromY);
    context.lineTo(toX, toY);
    context.stroke();
  }
  return sheet;
}

/** A small square of a part's paint, for lists. */
export function swatch(number) {
  const side = 28;
  const ratio = window.devicePixelRatio;
  const sheet = canvas(side * ratio, side * ratio);
  const context = sheet.getContext("2d");
  context.fillStyle = paint(context, number, ratio, 1);
  context.fillRect(0, 0, sheet.width, sheet.height);
  sheet.className = "swatch";
  sheet.setAttribute("aria-hidden", "true");
  return sheet;
}
