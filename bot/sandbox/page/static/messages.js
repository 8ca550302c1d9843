/** The messages of the open channel: drawn once a frame, each only when it has changed. */

import { eachFrame, el, isOlder } from "./dom.js";
import { Gestures } from "./gestures.js";
import { icon } from "./icons.js";
import { Refused } from "./live.js";
import { lightbox } from "./media.js";
import { channelName } from "./names.js";
import { News } from "./news.js";
import { Notes } from "./notes.js";
import { RowList } from "./row_list.js";
import { THREADS } from "./store.js";

const NEAR_END_PX = 48;
const NEAR_START_PX = 800;
const MOST_PAGES = 60;
const PAGE = 100;

/**
 * @param {HTMLElement} container
 * @param {import("./app.js").Page} page
 */
export function mountMessages(container, page) {
  const list = new MessageList(container, page);
  page.open = (channel, message) => list.open(channel, message);
  page.reopen = (channel, message) => list.reopen(channel, message);
}

/** What is shown of a channel, and where one stands in it. */
export class MessageList {
  constructor(scroller, page) {
    this.page = page;
    this.store = page.store;
    this.isStale = false;
    this.hasGrown = false;
    /** A channel that is not drawn until its messages are there. */
    this.held = null;
    this.isAsking = false;
    this.isAtEnd = true;
    this.top_px = 0;
    this.shown = null;
    this.missed = 0;
    this.news = new News(page);
    this._soon = eachFrame(() => this._draw());
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
    this.rows = new RowList(scroller, this.page);
    const told = el("div", { class: "notes" });
    this.notes = new Notes(told, this.page);
    scroller.append(el("div", { class: "roll" }, this.start, this.rows.element, told));
    this.pill = el("button", { type: "button", class: "pill", hidden: true, on: { click: () => this._toEnd() } });
    scroller.after(this.pill);
    this.enlarge = lightbox(document.getElementById("overlays"));
    const grown = new ResizeObserver(() => this.isAtEnd && this._toEnd());
    grown.observe(scroller);
    grown.observe(scroller.firstChild);
  }

  _listen() {
    const { store, scroller } = this;
    for (const name of ["hello", "place"]) store.on(name, () => this._redraw());
    store.on("guild", () => this._namesChanged());
    store.on("person", () => this._leave());
    store.on("history", ({ channel }) => channel === store.place && this._markNew());
    store.on("message", (event) => this._messageChanged(event));
    for (const name of ["channels", "length"]) store.on(name, ({ id } = {}) => id && this.rows.has(id) && this._mark(id));
    // What was kept as it was while something of it was open.
    scroller.addEventListener("toggle", ({ target, newState }) => newState === "closed" && this._markRowOf(target), true);
    scroller.addEventListener("scroll", () => this._scrolled(), { passive: true });
  }

  /** Go to a channel, or to a message in it. */
  async open(channel, message, { isAnew = this.store.place !== channel } = {}) {
    if (!this.store.channels.has(channel)) {
      this.page.tell("That place is gone, or you do not see it.");
      return;
    }
    try {
      if (isAnew) await this._enter(channel);
      if (message) await this._jump(channel, message);
    } catch (error) {
      this.refused(error);
    }
  }

  async _enter(channel) {
    this.isAtEnd = true;
    this.missed = 0;
    await this.store.open(channel);
  }

  /** Go to it again after a reconnect; who reads above goes on there. */
  reopen(channel, message) {
    const first = channel === this.shown && !this.isAtEnd ? this.rows.top(this.rows) : null;
    return first ? this._goOn(channel, first.dataset.id) : this.open(channel, message, { isAnew: true });
  }

  async _goOn(channel, first) {
    this.held = channel;
    try {
      await this.store.open(channel);
      await this._reach(channel, first);
    } catch (error) {
      this.refused(error);
    } finally {
      this.held = null;
      this._redraw();
    }
  }

  /** Open a spoiler in a message. */
  reveal(id, spoiler) {
    this.rows.revealed.add(spoiler);
    this._mark(id);
    this._draw();
    this.rows.get(id)?.focus({ preventScroll: true });
  }

  /** Fetch older messages until one is there. */
  async _reach(channel, id) {
    const shelf = this.store.shelf(channel);
    const isMissing = () => !shelf.isWhole && !(shelf.order.length && !isOlder(id, shelf.order[0]));
    for (let pages = 0; pages < MOST_PAGES && isMissing(); pages += 1) {
      await this.store.older(channel, PAGE);
    }
    return shelf.byId.has(id);
  }

  async _jump(channel, id) {
    const wasAtEnd = this.isAtEnd;
    this.isAtEnd = false; // or what is fetched would be let go of again
    const isThere = await this._reach(channel, id);
    if (this.store.place !== channel) return;
    if (!isThere) {
      if (wasAtEnd) this._toEnd();
      this.page.tell("That message is gone.");
      return;
    }
    this._draw();
    const found = this.rows.get(id);
    if (!found) return;
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

  _messageChanged({ channel, id, change, was }) {
    const { place, channels } = this.store;
    if (channel === place) {
      this._mark(id);
      if (change === "new") this._came(this.store.message(channel, id));
      else if (change === "changed") this.news.became(this.store.message(channel, id), was);
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
      this.news.came(message);
    }
    this._letGo(message.channel_id);
  }

  /** Only names stand in rows. */
  _namesChanged() {
    const { members, roles } = this.store;
    const names = JSON.stringify([[...members.values()], [...roles.values()].map(({ id, name }) => [id, name])]);
    if (names !== this.names) this._redraw();
    this.names = names;
  }

  _mark(id) {
    this.rows.mark(id);
    this._soon();
  }

  _markRowOf(element) {
    const id = element.closest("[data-id]")?.dataset.id;
    if (id) this._mark(id);
  }

  _markNew() {
    this.rows.markNew(this.store.shelf(this.store.place));
    this.hasGrown = true;
    this._soon();
  }

  _redraw() {
    this.isStale = true;
    this._soon();
  }

  _draw() {
    const { place } = this.store;
    if (place && place === this.held) return;
    if (this.shown !== place) this._clear();
    if (!place) return;
    const shelf = this.store.shelf(place);
    if (!shelf.isLoaded && !shelf.order.length) return;
    if (this.isStale) this.rows.markAll(shelf);
    const isWhole = this.isStale || this.hasGrown;
    const first = isWhole && !this.isAtEnd && this.rows.top(shelf.byId);
    const top_px = first && topOf(first);
    this.rows.draw(shelf);
    if (isWhole) this._showStart(shelf);
    this.isStale = this.hasGrown = false;
    if (this.isAtEnd) this._toEnd();
    else if (first) this.scroller.scrollTop += topOf(first) - top_px;
    this._showPill();
    this.news.say();
  }

  _clear() {
    this.shown = this.store.place;
    for (const known of [this.rows, this.news]) known.clear();
    this.start.replaceChildren();
    this.isStale = true;
    this.notes.show();
  }

  /** Nothing of whoever one was stays. */
  _leave() {
    this.isAtEnd = true;
    this.notes.clear();
    this._clear();
  }

  /** Of a channel that goes on and on only its end is kept, as long as nobody reads above. */
  _letGo(place) {
    if (!this.isAtEnd) return;
    for (const id of this.store.trim(place)) {
      this.rows.mark(id);
      this.hasGrown = true;
    }
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
      await this.store.older(place);
    } catch (error) {
      this.refused(error);
    } finally {
      this.isAsking = false;
    }
  }
}

function topOf(element) {
  return element.getBoundingClientRect().top;
}
