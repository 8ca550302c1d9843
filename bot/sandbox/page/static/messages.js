/** The messages of the open channel: drawn once a frame, each only when it has changed. */

import { el, patch } from "./dom.js";
import { Gestures } from "./gestures.js";
import { icon } from "./icons.js";
import { Refused } from "./live.js";
import { lightbox, nearby } from "./media.js";
import { channelName, nameOf } from "./names.js";
import { Notes } from "./notes.js";
import { row, spoken } from "./rows.js";
import { THREADS } from "./store.js";

const NEAR_END_PX = 48;
const NEAR_START_PX = 800;
const MOST_PAGES = 60;
const PAGE = 100;
const MOST_ANNOUNCED = 3;

/**
 * @param {HTMLElement} container
 * @param {import("./app.js").Page} page
 */
export function mountMessages(container, page) {
  const list = new MessageList(container, page);
  page.open = (channel, message) => list.open(channel, message);
  page.reopen = (channel, message) => list.open(channel, message, { isAnew: true });
}

/** What is shown of a channel, and where one stands in it. */
export class MessageList {
  constructor(scroller, page) {
    this.page = page;
    this.store = page.store;
    this.revealed = new Set();
    /** @type {Map<string, HTMLLIElement>} by the message's id */
    this.rows = new Map();
    this.changed = new Set();
    this.isStale = false;
    this.isAsking = false;
    this.isAtEnd = true;
    this.top_px = 0;
    this.shown = null;
    this.missed = 0;
    this.unsaid = [];
    this.frame = 0;
    this._build(scroller);
    this._listen();
    new Gestures(this, page);
  }

  _build(scroller) {
    this.scroller = scroller;
    scroller.setAttribute("role", "region");
    scroller.setAttribute("aria-label", "Messages");
    scroller.tabIndex = 0;
    this.start = el("div", { class: "beginning" });
    this.list = el("ol", { class: "list", role: "list" });
    const told = el("div", { class: "notes" });
    this.notes = new Notes(told, this.page);
    scroller.append(el("div", { class: "roll" }, this.start, this.list, told));
    this.pill = el("button", { type: "button", class: "pill", hidden: true, on: { click: () => this._toEnd() } });
    scroller.after(this.pill);
    this.enlarge = lightbox(document.getElementById("overlays"));
    this.nearby = nearby(scroller);
    const grown = new ResizeObserver(() => this.isAtEnd && this._toEnd());
    grown.observe(scroller);
    grown.observe(scroller.firstChild);
  }

  _listen() {
    const { store, scroller } = this;
    store.on("hello", () => this._redraw());
    store.on("guild", () => this._redraw());
    store.on("place", () => this._redraw());
    store.on("history", ({ channel }) => channel === store.place && this._redraw());
    store.on("message", (event) => this._messageChanged(event));
    store.on("channels", ({ id } = {}) => id && this.rows.has(id) && this._mark(id));
    scroller.addEventListener("scroll", () => this._scrolled(), { passive: true });
  }

  /** Go to a channel, or to a message in it. */
  async open(channel, message, { isAnew = false } = {}) {
    if (!this.store.channels.has(channel)) {
      this.page.tell("That place is gone, or you do not see it.");
      return;
    }
    try {
      if (isAnew || this.store.place !== channel) {
        this.isAtEnd = true;
        this.missed = 0;
        await this.store.open(channel);
      }
      if (message) await this._jump(channel, message);
    } catch (error) {
      this.refused(error);
    }
  }

  /** Open a spoiler in a message. */
  reveal(id, spoiler) {
    this.revealed.add(spoiler);
    this._mark(id);
    this._draw();
    this.rows.get(id)?.focus({ preventScroll: true });
  }

  async _jump(channel, id) {
    const shelf = this.store.shelf(channel);
    for (let pages = 0; pages < MOST_PAGES && !shelf.byId.has(id) && !shelf.isWhole; pages += 1) {
      await this.store.older(channel, PAGE);
    }
    if (!shelf.byId.has(id)) {
      this.page.tell("That message is gone.");
      return;
    }
    this.isAtEnd = false;
    this._draw();
    const found = this.rows.get(id);
    found.scrollIntoView({ block: "center" });
    found.focus({ preventScroll: true });
    found.classList.add("found");
    found.addEventListener("animationend", () => found.classList.remove("found"), { once: true });
  }

  /** Say what was refused; whatever else went wrong is thrown on. */
  refused(error) {
    if (!(error instanceof Refused)) throw error;
    if (this.page.live.isOpen) this.page.tell(error.message, { isError: true });
  }

  _messageChanged({ channel, id, change }) {
    const { place, channels } = this.store;
    if (channel === place) {
      this._mark(id);
      if (change === "new") this._came(this.store.message(channel, id));
    } else if (id === place && channels.get(place)?.parent_id === channel) {
      this._markStarter();
    }
  }

  /** The thread that is open was opened on this message, which its first row shows. */
  _markStarter() {
    const [first] = this.store.shelf(this.store.place).order;
    if (first) this._mark(first);
  }

  _came(message) {
    if (message.author.id === this.store.me.id) this.isAtEnd = true;
    else {
      if (!this.isAtEnd) this.missed += 1;
      this.unsaid.push(message);
    }
  }

  _mark(id) {
    this.changed.add(id);
    this._soon();
  }

  _redraw() {
    this.isStale = true;
    this._soon();
  }

  _soon() {
    this.frame ||= requestAnimationFrame(() => this._draw());
  }

  _draw() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    const { place } = this.store;
    if (this.shown !== place) this._clear();
    if (!place) return;
    const shelf = this.store.shelf(place);
    if (!shelf.isLoaded && !shelf.order.length) return;
    const { scroller } = this;
    const below = this.isAtEnd ? 0 : scroller.scrollHeight - scroller.scrollTop;
    const isWhole = this.isStale;
    if (isWhole) this._drawAll(shelf);
    else for (const id of this.changed) this._drawOne(shelf, id);
    this.isStale = false;
    this.changed.clear();
    if (this.isAtEnd) this._toEnd();
    else if (isWhole) scroller.scrollTop = scroller.scrollHeight - below;
    this._showPill();
    this._say();
  }

  _clear() {
    this.shown = this.store.place;
    this.rows.clear();
    this.list.replaceChildren();
    this.start.replaceChildren();
    this.isStale = true;
    this.notes.show();
  }

  _drawAll(shelf) {
    for (const [id, element] of this.rows) if (!shelf.byId.has(id)) this._take(id, element);
    let following = null;
    for (let at = shelf.order.length - 1; at >= 0; at -= 1) {
      const element = this._fresh(shelf, at);
      if (element.nextSibling !== following || element.parentNode !== this.list) this.list.insertBefore(element, following);
      following = element;
    }
    this._showStart(shelf);
  }

  _drawOne(shelf, id) {
    if (!shelf.byId.has(id)) {
      const gone = this.rows.get(id);
      const next = gone?.nextSibling?.dataset.id;
      if (gone) this._take(id, gone);
      if (next) this._fresh(shelf, shelf.order.lastIndexOf(next));
      return;
    }
    const at = shelf.order.lastIndexOf(id);
    const isNew = !this.rows.has(id);
    const element = this._fresh(shelf, at);
    if (!isNew) return;
    // Others may be new as well and have no row yet.
    const next = shelf.order.slice(at + 1).find((later) => this.rows.has(later));
    this.list.insertBefore(element, this.rows.get(next) ?? null);
    if (next) this._fresh(shelf, shelf.order.lastIndexOf(next));
  }

  _take(id, element) {
    this.rows.delete(id);
    if (element.contains(document.activeElement)) this.scroller.focus({ preventScroll: true });
    element.remove();
  }

  /** The row of a message as it is now. */
  _fresh(shelf, at) {
    const id = shelf.order[at];
    const next = row(shelf.byId.get(id), shelf.byId.get(shelf.order[at - 1]), this.page, this.revealed);
    const old = this.rows.get(id);
    const element = old ? patch(old, next) : next;
    this.rows.set(id, element);
    for (const clip of element.querySelectorAll("video[preload=none]")) this.nearby.observe(clip);
    return element;
  }

  _showStart({ isWhole }) {
    const { channel } = this.store;
    const name = channelName(this.store, channel);
    const isThread = THREADS.has(channel.type);
    const title = isThread || channel.type === 1 ? name : `#${name}`;
    this.start.hidden = !isWhole;
    const begins = isThread ? "This is where the thread begins." : "This is where it begins. Nothing was said before.";
    const words = channel.may.read ? begins : "You may not read here what was said before.";
    this.start.replaceChildren(el("h2", {}, title), el("p", {}, words));
  }

  _showPill() {
    this.pill.hidden = this.isAtEnd;
    const words = this.missed ? `${this.missed} new ${this.missed === 1 ? "message" : "messages"}` : "To the newest";
    if (!this.isAtEnd && this.pill.textContent !== words) this.pill.replaceChildren(icon("down"), words);
  }

  _say() {
    const { unsaid } = this;
    if (!unsaid.length) return;
    this.unsaid = [];
    const words = (message) => `${nameOf(this.store, message.author)}: ${spoken(message, this.store)}`;
    this.page.announce(unsaid.length > MOST_ANNOUNCED ? `${unsaid.length} new messages` : unsaid.map(words).join("\n"));
  }

  _toEnd() {
    this.isAtEnd = true;
    this.missed = 0;
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this._showPill();
  }

  _scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    // What grows below moves the end away, too; only who scrolls up leaves it.
    if (scrollHeight - clientHeight - scrollTop < NEAR_END_PX) this.isAtEnd = true;
    else if (scrollTop < this.top_px) this.isAtEnd = false;
    this.top_px = scrollTop;
    if (this.isAtEnd) this.missed = 0;
    this._showPill();
    if (scrollTop < NEAR_START_PX) this._askForOlder();
  }

  async _askForOlder() {
    const { place } = this.store;
    const shelf = this.store.shelf(place);
    if (this.isAsking || !shelf.isLoaded || shelf.isWhole) return;
    this.isAsking = true;
    try {
      await this.store.older(place, PAGE);
    } catch (error) {
      this.refused(error);
    } finally {
      this.isAsking = false;
    }
  }
}
