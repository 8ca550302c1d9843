/**
 * Places and lines in a picture, in its own pixels from the top left. Nothing here knows the page.
 *
 * @typedef {{x: number, y: number}} Point
 * @typedef {{x: number, y: number, width: number, height: number}} Box
 * @typedef {{width: number, height: number}} Size
 */

/** How far apart two places are. */
export function distance(a, b) {
  return Math.hypot(b.x - a.x, b.y - a.y);
}

/** How long a line is. */
export function lengthOf(points) {
  let total = 0;
  for (let i = 1; i < points.length; i += 1) total += distance(points[i - 1], points[i]);
  return total;
}

/**
 * The place at a share of a line's length: 0 is its start, 1 its end.
 * @param {Point[]} points at least one
 * @param {number} share
 * @returns {Point}
 */
export function along(points, share) {
  let rest = lengthOf(points) * Math.min(1, Math.max(0, share));
  for (let i = 1; i < points.length; i += 1) {
    const step = distance(points[i - 1], points[i]);
    if (step > 0 && rest <= step) return between(points[i - 1], points[i], rest / step);
    rest -= step;
  }
  return points[points.length - 1];
}

function between(a, b, share) {
  return { x: a.x + (b.x - a.x) * share, y: a.y + (b.y - a.y) * share };
}

/** The nearest pixel of a picture. */
export function pixel(point, size) {
  return {
    x: Math.min(size.width - 1, Math.max(0, Math.round(point.x))),
    y: Math.min(size.height - 1, Math.max(0, Math.round(point.y))),
  };
}

/**
 * A line with as few of its points as keep it within `tolerance` of where it was (Ramer, Douglas and Peucker).
 * @param {Point[]} points
 * @param {number} tolerance in pixels of the picture
 * @returns {Point[]}
 */
export function simplified(points, tolerance) {
  if (points.length < 3) return points;
  const kept = new Uint8Array(points.length);
  kept[0] = kept[points.length - 1] = 1;
  const open = [[0, points.length - 1]];
  while (open.length) {
    const [first, last] = open.pop();
    const [far, away] = farthest(points, first, last);
    if (away <= tolerance) continue;
    kept[far] = 1;
    open.push([first, far], [far, last]);
  }
  return points.filter((_, i) => kept[i]);
}

function farthest(points, first, last) {
  let far = first;
  let away = -1;
  for (let i = first + 1; i < last; i += 1) {
    const off = fromSegment(points[i], points[first], points[last]);
    if (off > away) [far, away] = [i, off];
  }
  return [far, away];
}

function fromSegment(point, a, b) {
  const long = (b.x - a.x) ** 2 + (b.y - a.y) ** 2;
  if (long === 0) return distance(point, a);
  const share = ((point.x - a.x) * (b.x - a.x) + (point.y - a.y) * (b.y - a.y)) / long;
  return distance(point, between(a, b, Math.min(1, Math.max(0, share))));
}

/**
 * A drawn line as it is sent: whole pixels of the picture, none twice in a row, at most `most` of them.
 * @param {Point[]} points
 * @param {Size} size
 * @param {number} most
 * @returns {Point[]}
 */
export function asPath(points, size, most) {
  const pixels = points.map((point) => pixel(point, size));
  const distinct = pixels.filter((point, i) => i === 0 || distance(point, pixels[i - 1]) > 0);
  let path = simplified(distinct, 0.5);
  for (let tolerance = 1; path.length > most; tolerance *= 1.25) path = simplified(distinct, tolerance);
  return path;
}

/** The smallest box around both; either may be null. */
export function around(a, b) {
  if (!a || !b) return a ?? b;
  const x = Math.min(a.x, b.x);
  const y = Math.min(a.y, b.y);
  const right = Math.max(a.x + a.width, b.x + b.width);
  const bottom = Math.max(a.y + a.height, b.y + b.height);
  return { x, y, width: right - x, height: bottom - y };
}

/** What two boxes share, null where that is nothing. */
export function shared(a, b) {
  const x = Math.max(a.x, b.x);
  const y = Math.max(a.y, b.y);
  const width = Math.min(a.x + a.width, b.x + b.width) - x;
  const height = Math.min(a.y + a.height, b.y + b.height) - y;
  return width > 0 && height > 0 ? { x, y, width, height } : null;
}
