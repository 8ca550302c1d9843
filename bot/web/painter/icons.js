/** Icons, as lines on a square of 24. */

import { svg } from "./dom.js";

const LINES = {
  brush: ["M20 4 11 13", "M11 13c-3-1-5 1-5 4 0 1.5-1 2.5-3 3 5 1 10-1 10-5z"],
  eraser: ["M4 15 14 5l6 6-9 9H8z", "M9 10l6 6", "M11 20h9"],
  path: ["M4 19c2-9 7 3 9-5 1-4 3-6 6-7", "M15 5.5l5 1-2.5 4.5"],
  hand: ["M12 3v18M3 12h18", "M9.5 5.5 12 3l2.5 2.5M9.5 18.5 12 21l2.5-2.5M5.5 9.5 3 12l2.5 2.5M18.5 9.5 21 12l-2.5 2.5"],
  undo: ["M4 9h10a5 5 0 0 1 0 10H9", "M8 5 4 9l4 4"],
  redo: ["M20 9H10a5 5 0 0 0 0 10h5", "M16 5l4 4-4 4"],
  in: ["M12 5v14M5 12h14"],
  out: ["M5 12h14"],
  fit: ["M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5"],
  play: ["M8 5l11 7-11 7z"],
  stop: ["M7 7h10v10H7z"],
  shown: ["M2.5 12C5 7.5 8.5 6 12 6s7 1.5 9.5 6C19 16.5 15.5 18 12 18s-7-1.5-9.5-6z", "M12 9.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 1 0 0-5"],
  hidden: ["M2.5 12C5 7.5 8.5 6 12 6s7 1.5 9.5 6C19 16.5 15.5 18 12 18s-7-1.5-9.5-6z", "M4 20 20 4"],
  clear: ["M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13", "M10.5 11v5M13.5 11v5"],
  straight: ["M5 19 18 6", "M11 5h8v8"],
};

/** @param {keyof typeof LINES} name */
export function icon(name) {
  const lines = LINES[name].map((d) => svg("path", { d }));
  return svg("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" }, ...lines);
}
