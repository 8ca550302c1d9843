/** What is read out to who hears the page: what comes, and what becomes of what one asked for. */

import { nameOf } from "./names.js";
import { headline, isPrivate, spoken } from "./rows.js";
import { FLAG } from "./store.js";

const MOST = 3;

/** What has not been said yet of the channel that is open. */
export class News {
  /** @type {Map<string, Object>} messages by id */
  #unsaid = new Map();
  /** Ids of messages that the answer to what was pressed will change. */
  #expected = new Set();
  /** Ids of those that have changed since something was said. */
  #changed = new Set();

  /** @param {import("./app.js").Page} page */
  constructor(page) {
    this.page = page;
    this.store = page.store;
    page.live.on("interaction", (event) => this.#answered(event));
  }

  /** Somebody else has written something. */
  came(message) {
    if (!document.hidden) this.#unsaid.set(message.id, message);
  }

  /** A message has changed: who asked hears what becomes of it, and everybody what a bot has thought of. */
  became(message, was) {
    this.#changed.add(message.id);
    const isMine = isPrivate(message) || message.interaction_metadata?.user.id === this.store.me.id;
    const isThought = was.flags & FLAG.LOADING && !(message.flags & FLAG.LOADING);
    const isExpected = this.#expected.delete(message.id);
    if (isThought || isExpected || (isMine && headline(message) !== headline(was))) this.came(message);
  }

  clear() {
    for (const known of [this.#unsaid, this.#expected, this.#changed]) known.clear();
  }

  /** Say it; of much at once only how much it is. */
  say() {
    const messages = [...this.#unsaid.values()];
    this.#changed.clear();
    if (!messages.length) return;
    this.#unsaid.clear();
    const words = (message) => `${nameOf(this.store, message.author)}: ${spoken(message, this.store)}`;
    this.page.announce(messages.length > MOST ? `${messages.length} new messages` : messages.map(words).join("\n"));
  }

  #answered({ state, message: id }) {
    const message = state === "answered" && this.store.message(this.store.place, id);
    if (message && this.#changed.has(id)) this.came(message);
    else if (message) this.#expected.add(id);
  }
}
