/** Embeds: the boxes that a message carries besides its text. */

import { el } from "./dom.js";
import { outward } from "./links.js";
import { inline, markdown } from "./markdown.js";
import { own, shown } from "./media.js";
import { stamp } from "./times.js";

/**
 * @param {Object} embed Discord's embed object
 * @param {import("./markdown.js").Reading} reading
 * @returns {HTMLElement}
 */
export function embed(embed, reading) {
  const words = el(
    "div",
    { class: "embed-words" },
    author(embed.author),
    title(embed, reading),
    embed.description && markdown(embed.description, reading),
    fields(embed.fields ?? [], reading),
  );
  const small = embed.thumbnail && el("div", { class: "embed-thumbnail" }, shown(medium(embed.thumbnail), reading));
  return el(
    "article",
    { class: "embed", style: tint(embed.color) },
    el("div", { class: "embed-body" }, words, small),
    (embed.image || embed.video) && el("div", { class: "gallery" }, shown(medium(embed.video ?? embed.image), reading, true)),
    footer(embed, reading),
  );
}

/** @returns {Object<string, string>} the style that says a colour of Discord's; none for none */
export function tint(color) {
  return color ? { "--tint": `#${color.toString(16).padStart(6, "0")}` } : {};
}

function medium(picture) {
  return { description: "", ...picture };
}

function sign(url) {
  const source = url && own(url);
  return source && el("img", { src: source, alt: "", class: "embed-sign", loading: "lazy" });
}

function author(author) {
  return author && el("div", { class: "embed-author" }, sign(author.icon_url), linked(author.name, author.url));
}

function title({ title, url }, reading) {
  return title && el("h3", { class: "embed-title" }, url ? linked(title, url) : inline(title, reading));
}

function linked(words, url) {
  return url ? outward(url, {}, words) : words;
}

function fields(fields, reading) {
  if (!fields.length) return null;
  const made = fields.map(({ name, value, inline: isInline }) =>
    el("div", { class: isInline ? "embed-field inline" : "embed-field" }, el("dt", {}, inline(name, reading)), el("dd", {}, markdown(value, reading))),
  );
  return el("dl", { class: "embed-fields" }, ...made);
}

function footer({ footer, timestamp }, reading) {
  if (!footer && !timestamp) return null;
  const time = timestamp && stamp(timestamp, reading.store);
  const parts = [footer && sign(footer.icon_url), footer?.text, footer && timestamp && " · ", time];
  return el("footer", { class: "embed-footer" }, ...parts);
}
