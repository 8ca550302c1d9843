/** The page's signs, drawn for it: lines on a field of 24. */

const NAMESPACE = "http://www.w3.org/2000/svg";

const LINES = {
  hash: "M9.5 4 8 20M16 4l-1.5 16M4.5 9h16M3.5 15h16",
  thread: "M6 4v9a4 4 0 0 0 4 4h9M15 13l4 4-4 4",
  lock: "M7 11V8a5 5 0 0 1 10 0v3M5.5 11h13v9h-13z",
  forum: "M4 5h16v6H4zM4 15h11v5H4z",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20.5a7.5 7.5 0 0 1 15 0",
  people: "M9 11.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20a6.5 6.5 0 0 1 13 0M16 5a3.5 3.5 0 0 1 0 6.5M18 14.2A6.5 6.5 0 0 1 21.5 20",
  lists: "M4 6.5h16M4 12h16M4 17.5h10",
  close: "M5.5 5.5l13 13M18.5 5.5l-13 13",
  more: "M5.5 11.3a.7.7 0 1 0 0 1.4.7.7 0 0 0 0-1.4zM12 11.3a.7.7 0 1 0 0 1.4.7.7 0 0 0 0-1.4zM18.5 11.3a.7.7 0 1 0 0 1.4.7.7 0 0 0 0-1.4z",
  reply: "M10 6 4 12l6 6M4.5 12H14a6 6 0 0 1 6 6v1",
  down: "M12 5v14M6 13l6 6 6-6",
  sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z",
  file: "M6 3h8l4.5 4.5V21H6zM14 3v4.5h4.5",
  load: "M12 4v11M7 10.5l5 5 5-5M5 20h14",
  eye: "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 14.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z",
  slash: "M9 20 15 4",
  switches: "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.5v5M9 14.5v5",
  warning: "M12 4 2.8 20h18.4zM12 10v4.5M12 17.4h.01",
  plus: "M12 5v14M5 12h14",
  send: "M4 12 20 4l-5.5 16-3-6.5zM11.5 13.5 20 4",
  back: "M14.5 5.5 8 12l6.5 6.5",
  right: "M9.5 5.5 16 12l-6.5 6.5",
  play: "M8 5.5v13l10.5-6.5z",
  out: "M13.5 4.5h6v6M19 5l-8.5 8.5M17.5 14v5.5h-13v-13H10",
};

/**
 * @param {keyof typeof LINES} name
 * @returns {SVGElement} for the eye alone; what it means is said beside it
 */
export function icon(name) {
  const picture = document.createElementNS(NAMESPACE, "svg");
  const attributes = { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true", focusable: "false" };
  for (const [key, value] of Object.entries(attributes)) picture.setAttribute(key, value);
  const line = document.createElementNS(NAMESPACE, "path");
  line.setAttribute("d", LINES[name]);
  picture.append(line);
  return picture;
}
