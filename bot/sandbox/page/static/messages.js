/** The messages of the open channel: drawn once a frame, each only when it has changed. */

import { el, patch } from "./dom.js";
import { icon } from "./icons.js";
import { Refused } from "./live.js";
import { lightbox, nearby } from "./media.js";
import { channelName, nameOf } from "./names.js";
import { original, row, spoken } from "./rows.js";
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
  page.tell = (sentence, options) => list.tell(sentence, options);
}

class MessageList {
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
    this.notes = [];
    this.frame = 0;
    this._build(scroller);
    this._listen();
  }

  _build(scroller) {
    this.scroller = scroller;
    scroller.setAttribute("role", "region");
    scroller.setAttribute("aria-label", "Messages");
    scroller.tabIndex = 0;
    this.start = el("div", { class: "beginning" });
    this.list = el("ol", { class: "list", role: "list" });
    this.told = el("div", { class: "notes" });
    scroller.append(el("div", { class: "roll" }, this.start, this.list, this.told));
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
    scroller.addEventListener("click", (event) => this._clicked(event));
    scroller.addEventListener("contextmenu", (event) => this._menu(event));
    scroller.addEventListener("keydown", (event) => this._key(event));
  }

  /** Go to a channel, or to a message in it. */
  async open(channel, message, { isAnew = false } = {}) {
    if (!this.store.channels.has(channel)) {
      this.tell("That place is gone, or you do not see it.");
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
      this._refused(error);
    }
  }

  /** Put a line that only this person sees below the messages. */
  tell(sentence, { channel = this.store.place, isError = false } = {}) {
    this.notes = [...this.notes.slice(-4), { sentence, channel, isError }];
    this._showNotes();
    this.page.announce(sentence);
  }

  async _jump(channel, id) {
    const shelf = this.store.shelf(channel);
    for (let pages = 0; pages < MOST_PAGES && !shelf.byId.has(id) && !shelf.isWhole; pages += 1) {
      await this.store.older(channel, PAGE);
    }
    if (!shelf.byId.has(id)) {
      this.tell("That message is gone.");
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

  _refused(error) {
    if (!(error instanceof Refused)) throw error;
    if (this.page.live.isOpen) this.tell(error.message, { isError: true });
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
    this._showNotes();
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
    this.list.insertBefore(element, this.rows.get(shelf.order[at + 1]) ?? null);
    if (at + 1 < shelf.order.length) this._fresh(shelf, at + 1);
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

  _showNotes() {
    const here = this.notes.filter((note) => note.channel === this.store.place);
    this.told.replaceChildren(...here.map((note) => this._note(note)));
    if (this.isAtEnd) this._toEnd();
  }

  _note(note) {
    const dismiss = () => {
      this.notes = this.notes.filter((other) => other !== note);
      this._showNotes();
    };
    return el(
      "p",
      { class: note.isError ? "note error" : "note" },
      icon(note.isError ? "warning" : "eye"),
      el("span", {}, note.sentence, " "),
      el("button", { type: "button", class: "link", on: { click: dismiss } }, "Dismiss"),
    );
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
      this._refused(error);
    } finally {
      this.isAsking = false;
    }
  }

  /** The message of the row that an element is in. */
  _messageOf(element) {
    const id = element.closest("[data-id]")?.dataset.id;
    const message = id && this.store.message(this.store.place, id);
    return message && original(message, this.store);
  }

  _clicked(event) {
    const pressed = event.target.closest("button, a, [role=button]");
    if (!pressed || !this.scroller.contains(pressed)) return;
    const { dataset } = pressed;
    if (dataset.reveal) this._reveal(pressed);
    else if (dataset.press) this._press(pressed);
    else if (dataset.command) this.page.hooks.command(dataset.command);
    else if (dataset.large !== undefined) this.enlarge(pressed.querySelector("img"));
    else this._act(event, pressed);
  }

  _act(event, pressed) {
    const { dataset } = pressed;
    const message = this._messageOf(pressed);
    if (dataset.place) {
      event.preventDefault();
      this.open(dataset.place, dataset.jump);
    } else if (dataset.menu !== undefined) this.page.hooks.menu(message, pressed, null);
    else if (dataset.reply !== undefined) this.page.composer?.reply(message);
    else if (dataset.dismiss !== undefined) this._dismiss(message);
  }

  _reveal(pressed) {
    const { reveal } = pressed.dataset;
    const { id } = pressed.closest("[data-id]").dataset;
    this.revealed.add(reveal);
    this._mark(id);
    this._draw();
    this.rows.get(id)?.focus({ preventScroll: true });
  }

  _press(button) {
    const message = this._messageOf(button);
    const component = message && componentOf(message.components, button.dataset.press);
    if (component) this.page.hooks.press(component, message, button);
  }

  async _dismiss(message) {
    try {
      await this.page.live.ask("delete", { channel: message.channel_id, message: message.id });
    } catch (error) {
      this._refused(error);
    }
  }

  _menu(event) {
    const message = this._messageOf(event.target);
    const isOwn = event.target.closest("a[href], video, input, textarea, select, dialog");
    if (!message || isOwn || event.shiftKey || !getSelection().isCollapsed) return;
    event.preventDefault();
    this.page.hooks.menu(message, event.target.closest("[data-id]"), { x: event.clientX, y: event.clientY });
  }

  _key(event) {
    const here = event.target;
    if (here.dataset.reveal && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      this._reveal(here);
    } else if (here === this.scroller || here.dataset.id) {
      const goal = this._goal(here, event.key);
      if (!goal) return;
      event.preventDefault();
      goal.focus();
      goal.scrollIntoView({ block: "nearest" });
    }
  }

  _goal(here, key) {
    const { firstChild, lastChild } = this.list;
    const isRow = here !== this.scroller;
    const goals = {
      ArrowUp: isRow ? here.previousSibling : lastChild,
      ArrowDown: isRow ? here.nextSibling : lastChild,
      Home: isRow ? firstChild : null,
      End: isRow ? lastChild : null,
    };
    return goals[key] ?? null;
  }
}

/** @returns {Object|undefined} the component with this custom_id */
export function componentOf(components, id) {
  for (const component of components ?? []) {
    if (component.custom_id === id) return component;
    const inside = [...(component.components ?? []), ...(component.accessory ? [component.accessory] : [])];
    const found = componentOf(inside, id);
    if (found) return found;
  }
  return undefined;
}
