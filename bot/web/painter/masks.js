/** Masks as they are sent: PNG of exactly the picture's size, white where it is painted, black elsewhere. */

import { shared } from "./geometry.js";
import { png, rowBytes } from "./png.js";
import { canvas, drawStrokes, reach } from "./strokes.js";

const STRIP_PX = 256; // a canvas of a whole picture of 4,000 by 4,000 pixels would have 64 MB

/**
 * @param {readonly import("./drawing.js").Stroke[]} strokes
 * @param {import("./geometry.js").Size} size
 * @returns {Promise<Blob>}
 */
export async function mask(strokes, size) {
  return await png(size.width, size.height, strips(strokes, size));
}

function* strips(strokes, { width, height }) {
  const sheet = canvas(width, Math.min(STRIP_PX, height));
  const context = sheet.getContext("2d", { willReadFrequently: true });
  for (let top = 0; top < height; top += STRIP_PX) {
    const rows = Math.min(STRIP_PX, height - top);
    const here = strokes.filter((stroke) => shared(reach(stroke), { x: 0, y: top, width, height: rows }));
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, rows);
    context.setTransform(1, 0, 0, 1, 0, -top);
    drawStrokes(context, here);
    yield here.length ? bits(context.getImageData(0, 0, width, rows)) : new Uint8Array(rows * rowBytes(width));
  }
}

/** Rows of a PNG of one bit a pixel; what is painted by half or more is white. */
function bits({ data, width, height }) {
  const result = new Uint8Array(height * rowBytes(width));
  for (let y = 0, from = 3, row = 1; y < height; y += 1, row += rowBytes(width)) {
    for (let x = 0; x < width; x += 1, from += 4) {
      if (data[from] > 127) result[row + (x >> 3)] |= 128 >> (x & 7);
    }
  }
  return result;
}
