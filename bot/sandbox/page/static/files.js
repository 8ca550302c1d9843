/** Files that are chosen, dragged or pasted, shown before they are sent, and sent. */

import { signButton } from "./buttons.js";
import { el } from "./dom.js";
import { Refused } from "./live.js";

const MIB = 1 << 20;
const MOST = 10;
const THUMB_PX = 160;
const GENERIC = /^image\.(png|jpe?g)$/i;

/** A size as people say it. */
export function sizeOf(bytes) {
  if (bytes < 1000) return `${bytes} bytes`;
  return bytes < MIB ? `${Math.round(bytes / 1024)} KB` : `${(bytes / MIB).toFixed(bytes < 10 * MIB ? 1 : 0)} MB`;
}

/**
 * Why a file cannot be sent here, before anybody has waited for it.
 *
 * @param {File} file
 * @param {number} limit_bytes
 * @returns {string|null}
 */
export function faultOf(file, limit_bytes) {
  const most = sizeOf(limit_bytes);
  if (file.size > limit_bytes) return `${file.name} has ${sizeOf(file.size)}; files here may have ${most} at most.`;
  return file.size === 0 ? `${file.name} is empty.` : null;
}

/**
 * Bring a file to the sandbox.
 *
 * @param {File} file
 * @param {import("./store.js").Store} store
 * @param {string} [channel] where it is to be used: the open one by default
 * @returns {Promise<string>} the ticket; rejects with `Refused`
 */
export async function upload(file, store, channel = store.place) {
  const fields = new URLSearchParams({ as: store.me.id, channel, name: file.name });
  const answer = await fetch(`/page/files?${fields}`, { method: "POST", body: file }).catch(() => null);
  const said = await answer?.json().catch(() => null);
  if (answer?.ok && said) return said.ticket;
  throw new Refused(said?.refused ?? `${file.name} did not arrive; try it again.`);
}

/**
 * A small picture of a file, drawn as small as it is shown.
 *
 * @param {File} file
 * @returns {HTMLElement}
 */
export function thumb(file) {
  const canvas = el("canvas", { class: "thumb", width: 1, height: 1, "aria-hidden": "true" });
  const plain = el("span", { class: "thumb thumb-plain", "aria-hidden": "true" }, extension(file));
  if (!file.type.startsWith("image/")) return plain;
  draw(canvas, file).catch(() => canvas.replaceWith(plain)); // no picture, whatever its name says
  return canvas;
}

async function draw(canvas, file) {
  const picture = await createImageBitmap(file);
  const scale = Math.min(1, THUMB_PX / Math.max(picture.width, picture.height));
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
}

function extension(file) {
  return (file.name.includes(".") ? file.name.split(".").pop() : "file").slice(0, 5).toUpperCase();
}

/**
 * The files of a paste or a drop; those that a browser calls `image.png` get a name of their own.
 *
 * @param {DataTransfer|null} data
 * @returns {File[]}
 */
export function filesIn(data) {
  return [...(data?.files ?? [])].map((file, index) => (GENERIC.test(file.name) ? renamed(file, index + 1) : file));
}

function renamed(file, number) {
  return new File([file], file.name.replace(/^image/i, `pasted-${number}`), { type: file.type });
}

function hasFiles(event) {
  return Boolean(event.dataTransfer?.types.includes("Files"));
}

/** Ignore files that are dropped where nobody takes them: a browser would open them, and leave the page for it. */
export function ignoreStrayDrops() {
  addEventListener("dragover", (event) => {
    if (event.defaultPrevented || !hasFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "none";
  });
  addEventListener("drop", (event) => hasFiles(event) && event.preventDefault());
}

/** Take the files that are pasted anywhere, unless somebody else has, or a dialog is open. */
export function takePastes(take) {
  document.addEventListener("paste", (event) => {
    const files = filesIn(event.clipboardData);
    if (event.defaultPrevented || !files.length || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    take(files);
  });
}

/** Let files be dropped onto an element. */
export function takeDrops(element, take) {
  let depth = 0;
  const mark = (isOver) => element.toggleAttribute("data-drop", isOver);
  element.addEventListener("dragenter", (event) => hasFiles(event) && mark((depth += 1) > 0));
  element.addEventListener("dragleave", (event) => hasFiles(event) && mark((depth = Math.max(0, depth - 1)) > 0));
  element.addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
  element.addEventListener("drop", (event) => {
    depth = 0;
    mark(false);
    const files = filesIn(event.dataTransfer);
    if (!files.length || event.defaultPrevented) return;
    event.preventDefault();
    take(files);
  });
}

/**
 * A field for files that is there for the keyboard and unseen: what one sees is its label, or a button that clicks it.
 *
 * @param {{label: string, multiple?: boolean, accept?: string, take: (files: File[]) => void}} options
 * @returns {HTMLInputElement}
 */
export function fileInput({ label, multiple = false, accept = "", take }) {
  const input = el("input", { type: "file", class: "unseen", multiple, accept: accept || null, "aria-label": label });
  input.addEventListener("change", () => {
    const files = [...input.files];
    input.value = ""; // so that the same file can be chosen again
    if (files.length) take(files);
  });
  return input;
}

/** What an `accept` says for Discord's `file_types`: a kind of media, or an extension with its dot. */
export function acceptOf(types) {
  return (types ?? []).map((type) => (type.startsWith(".") ? type : `${type}/*`)).join(",");
}

/**
 * @param {File} file
 * @param {number} limit_bytes what may be sent here
 * @param {() => void} remove was pressed
 * @returns {HTMLElement} the file with its picture and its size
 */
export function fileCard(file, limit_bytes, remove) {
  const isTooLarge = file.size > limit_bytes;
  const name = el("span", { class: "card-name" }, file.name);
  const size = el("span", { class: "card-size" }, isTooLarge ? "too large" : sizeOf(file.size));
  const gone = signButton("close", `Remove ${file.name}`, remove);
  const words = el("span", { class: "card-words" }, name, size);
  return el("span", { class: "file-card", "data-fault": isTooLarge }, thumb(file), words, gone);
}

/** The files that go with a message, shown and taken away again. */
export class Tray {
  #files = [];
  #cards = new WeakMap();

  /**
   * @param {import("./store.js").Store} store
   * @param {{changed: (files: File[]) => void, refuse: (sentence: string) => void}} told whoever keeps the files
   */
  constructor(store, told) {
    this.store = store;
    this.told = told;
    this.element = el("ul", { class: "tray", "aria-label": "Chosen files", hidden: true });
  }

  /** @param {File[]} files */
  add(files) {
    const room = MOST - this.#files.length;
    this.told.changed([...this.#files, ...files.slice(0, room)]);
    if (files.length > room) this.told.refuse(`A message takes ${MOST} files at most.`);
  }

  /** Show these and no others. */
  show(files) {
    if (files === this.#files) return;
    this.#files = files;
    this.#draw();
  }

  /** Show the sizes anew: the limit may have changed. */
  refresh() {
    this.#cards = new WeakMap();
    this.#draw();
  }

  #draw() {
    this.element.replaceChildren(...this.#files.map((file) => this.#card(file)));
    this.element.hidden = this.#files.length === 0;
  }

  #card(file) {
    if (!this.#cards.has(file)) {
      const remove = () => this.told.changed(this.#files.filter((kept) => kept !== file));
      this.#cards.set(file, el("li", {}, fileCard(file, this.store.uploadLimitBytes, remove)));
    }
    return this.#cards.get(file);
  }
}
