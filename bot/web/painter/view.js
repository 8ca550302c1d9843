/** Where the picture lies in the window: how large, and how far from the window's corner, in CSS pixels. */

const MARGIN = 16;
const LARGEST = 24; // CSS pixels for one of the picture
const STAYS = 64; // so much of the picture is always in sight

/** Tells by `change` that the picture lies elsewhere. */
export class View extends EventTarget {
  #window = { width: 1, height: 1 };
  #isFitted = true;

  /** @param {import("./geometry.js").Size} picture */
  constructor(picture) {
    super();
    this.picture = picture;
    this.scale = 1;
    this.x = 0;
    this.y = 0;
  }

  get window() {
    return this.#window;
  }

  /** How much of its fitted size the picture has; 1 when it fits. */
  get zoom() {
    return this.scale / this.#fitting;
  }

  get #fitting() {
    const width = Math.max(1, this.#window.width - 2 * MARGIN);
    const height = Math.max(1, this.#window.height - 2 * MARGIN);
    return Math.min(width / this.picture.width, height / this.picture.height);
  }

  /** The window has another size; what lay in its middle stays there. */
  resize(width, height) {
    const middle = this.toPicture({ x: this.#window.width / 2, y: this.#window.height / 2 });
    this.#window = { width, height };
    if (this.#isFitted) this.fit();
    else this.#place(this.scale, middle, { x: width / 2, y: height / 2 });
  }

  /** Show the whole picture. */
  fit() {
    const middle = { x: this.picture.width / 2, y: this.picture.height / 2 };
    this.#place(this.#fitting, middle, this.#middle);
    this.#isFitted = true;
  }

  /** Make it larger or smaller by a factor; the place in the window, its middle if none is given, stays. */
  zoomBy(factor, at = this.#middle) {
    this.pinch(factor, at, at);
  }

  move(dx, dy) {
    this.pinch(1, { x: 0, y: 0 }, { x: dx, y: dy });
  }

  /** What was at one place of the window comes to another, larger by a factor. */
  pinch(factor, from, to) {
    const largest = Math.max(LARGEST, this.#fitting);
    const scale = Math.min(largest, Math.max(this.#fitting / 2, this.scale * factor));
    this.#place(scale, this.toPicture(from), to);
  }

  /** @returns {import("./geometry.js").Point} */
  toPicture({ x, y }) {
    return { x: (x - this.x) / this.scale, y: (y - this.y) / this.scale };
  }

  /** @returns {import("./geometry.js").Point} */
  toWindow({ x, y }) {
    return { x: x * this.scale + this.x, y: y * this.scale + this.y };
  }

  get #middle() {
    return { x: this.#window.width / 2, y: this.#window.height / 2 };
  }

  #place(scale, inPicture, inWindow) {
    this.scale = scale;
    this.x = within(inWindow.x - inPicture.x * scale, this.picture.width * scale, this.#window.width);
    this.y = within(inWindow.y - inPicture.y * scale, this.picture.height * scale, this.#window.height);
    this.#isFitted = false;
    this.dispatchEvent(new Event("change"));
  }
}

function within(from, length, room) {
  const stays = Math.min(STAYS, length, room);
  return Math.min(room - stays, Math.max(stays - length, from));
}
