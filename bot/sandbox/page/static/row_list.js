/** The rows of a list of messages, each drawn only when it has changed. */

import { el, patch } from "./dom.js";
import { nearby } from "./media.js";
import { row } from "./rows.js";

/** Rows of messages, by their ids. */
export class RowList {
  element = el("ol", { class: "list", role: "list" });
  /** The spoilers that were opened. */
  revealed = new Set();
  /** @type {Map<string, HTMLLIElement>} */
  #rows = new Map();
  #changed = new Set();

  /**
   * @param {HTMLElement} scroller what it is in
   * @param {import("./app.js").Page} page
   */
  constructor(scroller, page) {
    this.scroller = scroller;
    this.page = page;
    this.nearby = nearby(scroller);
  }

  has(id) {
    return this.#rows.has(id);
  }

  get(id) {
    return this.#rows.get(id);
  }

  /** A message has changed, come or gone. */
  mark(id) {
    this.#changed.add(id);
  }

  markAll({ order }) {
    for (const id of [...this.#rows.keys(), ...order]) this.#changed.add(id);
  }

  markNew({ order }) {
    for (const id of order) if (!this.#rows.has(id)) this.#changed.add(id);
  }

  clear() {
    for (const known of [this.#rows, this.#changed, this.revealed]) known.clear();
    this.element.replaceChildren();
  }

  /** The first row that is seen, of the messages that `known` has. */
  top(known) {
    const top_px = this.scroller.getBoundingClientRect().top;
    return [...this.element.children].find((row) => known.has(row.dataset.id) && row.getBoundingClientRect().bottom > top_px);
  }

  /**
   * Draw what has changed, and what stands below something that came or went: a name may stand on it, or no more.
   *
   * @param {import("./store.js").Shelf} shelf
   */
  draw(shelf) {
    const places = new Map(shelf.order.map((id, at) => [id, at]));
    const due = new Set();
    for (const id of this.#changed) {
      const next = shelf.byId.has(id) ? this.#below(shelf, places.get(id)) : this.#take(id);
      for (const at of [places.get(id), places.get(next)]) if (at !== undefined) due.add(at);
    }
    this.#changed.clear();
    for (const at of [...due].sort((one, other) => other - one)) {
      const element = this.#fresh(shelf, at);
      if (!element.parentNode) this.element.insertBefore(element, this.#rows.get(shelf.order[at + 1]) ?? null);
    }
  }

  /** The message below one that has no row yet. */
  #below({ order }, at) {
    return this.#rows.has(order[at]) ? undefined : order[at + 1];
  }

  /** Remove a row; the message below it. */
  #take(id) {
    const element = this.#rows.get(id);
    if (!element) return undefined;
    const next = element.nextSibling?.dataset.id;
    this.#rows.delete(id);
    if (element.contains(document.activeElement)) this.scroller.focus({ preventScroll: true });
    element.remove();
    return next;
  }

  /** The row of a message as it is now. */
  #fresh({ order, byId }, at) {
    const id = order[at];
    const next = row(byId.get(id), byId.get(order[at - 1]), this.page, this.revealed);
    const old = this.#rows.get(id);
    const element = old ? patch(old, next) : next;
    this.#rows.set(id, element);
    for (const clip of element.querySelectorAll("video[preload=none]")) this.nearby.observe(clip);
    return element;
  }
}
