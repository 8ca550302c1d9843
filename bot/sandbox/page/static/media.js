/** Pictures, clips and files: in a message, and large. */

import { el } from "./dom.js";
import { icon } from "./icons.js";
import { outward } from "./links.js";

const LOOPBACK = new Set(["127.0.0.1", "localhost", "[::1]"]);
const MIB = 1 << 20;

/**
 * Something to be seen: an attachment, or what a component shows.
 *
 * @typedef {Object} Medium
 * @property {string} url
 * @property {string} [content_type]
 * @property {number} [width]
 * @property {number} [height]
 * @property {string} [description]
 * @property {boolean} [spoiler]
 * @property {string} [id]
 */

/**
 * The link to one of the sandbox's own files as this page may use it, whatever name it has for the machine itself.
 *
 * @param {string} url
 * @returns {string|null} null for what lies elsewhere: the page fetches nothing from strangers
 */
export function own(url) {
  if (!URL.canParse(url)) return null;
  const { protocol, hostname, pathname, search } = new URL(url);
  const isOurs = protocol === "http:" && LOOPBACK.has(hostname) && pathname.startsWith("/cdn/");
  return isOurs ? `${pathname}${search}` : null;
}

/** @returns {string} a number of bytes as a person says it */
export function sizeWords(bytes) {
  if (bytes < 1024) return `${bytes} bytes`;
  return bytes < MIB ? `${Math.round(bytes / 1024)} KB` : `${(bytes / MIB).toFixed(bytes < 10 * MIB ? 1 : 0)} MB`;
}

/**
 * A message's attachments: what can be seen in a grid, the rest as files.
 *
 * @param {Object[]} attachments
 * @param {import("./markdown.js").Reading} reading
 * @returns {HTMLElement[]}
 */
export function attachments(attachments, reading) {
  const media = attachments.map((file) => ({ ...file, spoiler: file.filename.startsWith("SPOILER_") }));
  const seen = media.filter(isSeen);
  const files = media.filter((file) => !isSeen(file));
  return [...(seen.length ? [gallery(seen, reading)] : []), ...files.map((found) => file(found, reading))];
}

/**
 * @param {Medium[]} media
 * @param {import("./markdown.js").Reading} reading
 */
export function gallery(media, reading) {
  const cells = media.map((medium) => el("div", { class: "cell" }, shown(medium, reading, media.length === 1)));
  return el("div", { class: "gallery", "data-key": "gallery", "data-count": Math.min(media.length, 10) }, ...cells);
}

/**
 * A picture or a clip; one that is hidden shows itself when it is pressed.
 *
 * @param {Medium} medium
 * @param {import("./markdown.js").Reading} reading
 * @param {boolean} isAlone
 */
export function shown(medium, reading, isAlone = false) {
  const source = own(medium.url);
  if (source === null) return elsewhere(medium.url);
  const picture = kindOf(medium) === "video" ? clip(medium, source, isAlone) : image(medium, source, isAlone);
  return medium.spoiler ? veiled(picture, medium, reading) : picture;
}

/**
 * Something that hides what is in it until it is pressed.
 *
 * @param {HTMLElement} inside
 * @param {{id?: string|number}} medium
 * @param {import("./markdown.js").Reading} reading
 */
export function veiled(inside, medium, reading) {
  const key = `${reading.key}/media/${medium.id ?? reading.spoilers++}`;
  if (reading.revealed.has(key)) return inside;
  const behind = el("div", { class: "behind", inert: true, "aria-hidden": "true" }, inside);
  const button = el("button", { type: "button", class: "reveal", "data-reveal": key }, "Spoiler");
  button.setAttribute("aria-label", "Spoiler: show it");
  return el("div", { class: "veil", "data-key": "veil" }, behind, button);
}

function kindOf({ content_type: kind, url }) {
  if (kind) return kind.split("/", 1)[0];
  return /\.(?:mp4|mov|webm)(?:\?|$)/u.test(url) ? "video" : "image";
}

function isSeen(file) {
  const kind = kindOf(file);
  return (kind === "image" && file.width) || kind === "video";
}

function image(medium, source, isAlone) {
  const words = medium.description ?? "";
  const picture = el("img", { src: source, alt: words, loading: "lazy", decoding: "async", ...measures(medium) });
  const props = { type: "button", class: "picture", "data-large": true, "data-key": "picture" };
  if (isAlone) fit(props, medium);
  return el("button", { ...props, "aria-label": `Enlarge the picture${words ? `: ${words}` : ""}` }, picture);
}

function clip(medium, source, isAlone) {
  const props = { src: source, controls: true, playsinline: true, preload: "none", ...measures(medium) };
  if (isAlone) fit(props, medium);
  return el("video", { ...props, class: "clip", "aria-label": medium.description ?? medium.filename ?? "Clip" });
}

function measures({ width, height }) {
  return width && height ? { width, height } : {};
}

/** One by itself keeps its shape, so that the place for it is there before it has come. */
function fit(props, { width, height }) {
  if (width && height) props.style = { "--shape": `${width} / ${height}`, "--wide": `${width}px`, "--ratio": `${width / height}` };
}

/**
 * @param {Object} attachment with filename, size and url
 * @param {import("./markdown.js").Reading} reading
 */
export function file(attachment, reading) {
  const source = own(attachment.url);
  if (source === null) return elsewhere(attachment.url);
  const name = attachment.filename ?? attachment.name ?? "file";
  const words = el("span", { class: "file-words" }, el("a", { href: source, download: name }, name), size(attachment));
  const parts = [icon("file"), words];
  if (kindOf(attachment) === "audio") parts.push(el("audio", { src: source, controls: true, preload: "none" }));
  const made = el("div", { class: "file", "data-key": name }, ...parts);
  return attachment.spoiler ? veiled(made, attachment, reading) : made;
}

function size({ size }) {
  return size ? el("span", { class: "faint" }, sizeWords(size)) : null;
}

function elsewhere(url) {
  return outward(url, { class: "elsewhere" }, url);
}

/**
 * Where pictures are shown large.
 *
 * @param {HTMLElement} container
 * @returns {(picture: HTMLImageElement) => void} shows one
 */
export function lightbox(container) {
  const frame = el("img", { alt: "" });
  const original = el("a", { target: "_blank", rel: "noopener" }, icon("out"), "Open the file");
  const close = el("button", { type: "button", class: "tool", "aria-label": "Close" }, icon("close"));
  const dialog = el("dialog", { class: "lightbox", "aria-label": "Picture" }, el("div", { class: "lightbox-bar" }, original, close), frame);
  dialog.addEventListener("click", (event) => {
    if (event.target !== frame && !original.contains(event.target)) dialog.close();
  });
  dialog.addEventListener("close", () => frame.removeAttribute("src"));
  container.append(dialog);
  return (picture) => {
    frame.src = original.href = picture.currentSrc || picture.src;
    frame.alt = picture.alt;
    dialog.showModal();
  };
}

/** @returns {IntersectionObserver} lets clips load their first picture when they come near */
export function nearby(root) {
  const look = (entries) => {
    for (const { isIntersecting, target } of entries) if (isIntersecting) target.preload = "metadata";
  };
  return new IntersectionObserver(look, { root, rootMargin: "400px" });
}
