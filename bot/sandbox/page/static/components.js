/** Components: buttons and selects below a message, and messages that consist of components. */

import { el } from "./dom.js";
import { tint } from "./embeds.js";
import { icon } from "./icons.js";
import { outward } from "./links.js";
import { markdown } from "./markdown.js";
import { file, gallery, shown, veiled } from "./media.js";

const LINK = 5;
const SELECTS = new Set([3, 5, 6, 7, 8]);
const STYLES = { 1: "primary", 2: "secondary", 3: "success", 4: "danger", 5: "link", 6: "primary" };

const BY_TYPE = {
  1: row,
  2: button,
  9: section,
  10: ({ content }, reading) => markdown(content, reading),
  11: thumbnail,
  12: ({ items }, reading) => gallery(items.map(medium), reading),
  13: attached,
  14: separator,
  17: container,
};

/**
 * @param {Object[]} components as the message has them
 * @param {import("./markdown.js").Reading & {hooks: import("./app.js").Hooks}} reading
 * @returns {HTMLElement[]}
 */
export function components(components, reading) {
  return components.map((found) => component(found, reading));
}

function component(found, reading) {
  const make = SELECTS.has(found.type) ? select : (BY_TYPE[found.type] ?? unknown);
  return make(found, reading);
}

function row({ components: inside }, reading) {
  return el("div", { class: "row" }, ...components(inside, reading));
}

function button(found, reading) {
  const { style, url, label, emoji, disabled, custom_id: id } = found;
  const words = [emoji && el("span", { class: "button-emoji", "aria-hidden": label ? "true" : null }, emojiOf(emoji)), label];
  const kind = `button ${STYLES[style] ?? "secondary"}`;
  if (style === LINK && !disabled) {
    return outward(url, { class: kind, isButton: true }, ...words, icon("out"));
  }
  return el("button", { type: "button", class: kind, disabled: disabled || !id, "data-press": id, "data-key": id }, ...words);
}

function emojiOf({ id, name }) {
  return id ? `:${name}:` : name;
}

/** What selects is made by who listens to it, and stays as long as it offers the same. */
function select(found, reading) {
  const made = reading.hooks.select(found, reading.message);
  return el("div", { class: "select", "data-whole": JSON.stringify(found) }, made);
}

function section({ components: inside, accessory }, reading) {
  return el(
    "div",
    { class: "section" },
    el("div", { class: "section-words" }, ...components(inside, reading)),
    accessory && el("div", { class: "accessory" }, component(accessory, reading)),
  );
}

function medium({ media, description, spoiler }) {
  return { ...media, description, spoiler };
}

function thumbnail(found, reading) {
  return el("div", { class: "thumbnail" }, shown(medium(found), reading));
}

function attached({ file: media, name, size, spoiler }, reading) {
  return file({ ...media, name, size, spoiler }, reading);
}

function separator({ divider = true, spacing = 1 }) {
  return el("hr", { class: `${divider ? "line" : "space"}${spacing > 1 ? " wide" : ""}` });
}

function container({ components: inside, accent_color: color, spoiler, id }, reading) {
  const made = el("div", { class: "container", style: tint(color) }, ...components(inside, reading));
  return spoiler ? veiled(made, { id }, reading) : made;
}

function unknown({ type }) {
  return el("p", { class: "faint" }, `Something that this page does not know (component ${type}).`);
}
