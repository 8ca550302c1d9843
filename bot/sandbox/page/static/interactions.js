/** What this window has begun with a bot, until the bot's first answer to it. */

import { Refused } from "./live.js";

const NO_ANSWER = "The application did not respond";
const MAX_EARLY = 50;
const LOST = "The connection was lost before the bot answered.";

/** @type {WeakMap<import("./app.js").Page, Interactions>} */
const known = new WeakMap();

/**
 * Listen from the start on; else what a bot answers at once may be missed.
 *
 * @param {import("./app.js").Page} page
 * @returns {Interactions} the ones of this page
 */
export function interactionsOf(page) {
  if (!known.has(page)) known.set(page, new Interactions(page.live));
  return known.get(page);
}

/**
 * Use something of a bot's, and say so if the bot does not answer. A modal opens by itself.
 *
 * @param {import("./app.js").Page} page
 * @param {"slash"|"menu"|"click"|"choose"} verb
 * @param {Object<string, any>} fields with the channel
 * @returns {Promise<{answered: Promise<boolean>}>} begun, and whether it was answered in time; rejects with `Refused`
 *   where it could not be begun
 */
export async function use(page, verb, fields) {
  const { store } = page;
  const { me } = store;
  const { answer } = await interactionsOf(page).use(verb, fields);
  const fail = (sentence) => {
    // Whom the window belongs to by now has not asked for it.
    if (store.me.id === me.id) page.tell(sentence, { channel: fields.channel, isError: true });
    return false;
  };
  return { answered: answer.then(({ state }) => state !== "failed" || fail(NO_ANSWER), (lost) => fail(lost.message)) };
}

/** The interactions of one connection. */
export class Interactions {
  #waiting = new Map();
  // The bot may be faster than the answer that names the interaction.
  #early = new Map();

  constructor(live) {
    this.live = live;
    live.on("interaction", (event) => this.#hear(event));
    // Whoever says hello knows nothing of what was begun before.
    live.on("hello", () => this.#lose());
    live.on("state", (state) => state === "lost" && this.#lose());
  }

  /**
   * Use a command, a component or a modal.
   *
   * @param {"slash"|"menu"|"click"|"choose"|"submit"} verb
   * @param {Object<string, any>} fields
   * @returns {Promise<{answer: Promise<Object>}>} begun; the answer is the first event about it, with its `state`.
   *   Both reject with `Refused`
   */
  async use(verb, fields) {
    const { interaction } = await this.live.ask(verb, fields);
    const early = this.#early.get(interaction);
    if (early) return { answer: Promise.resolve(early) };
    return { answer: new Promise((resolve, reject) => this.#waiting.set(interaction, { resolve, reject })) };
  }

  #hear(event) {
    const { interaction: id } = event;
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (waiting) waiting.resolve(event);
    else if (!this.#early.has(id)) this.#keep(id, event);
  }

  #keep(id, event) {
    this.#early.set(id, event);
    if (this.#early.size > MAX_EARLY) this.#early.delete(this.#early.keys().next().value);
  }

  #lose() {
    for (const { reject } of this.#waiting.values()) reject(new Refused(LOST));
    this.#waiting.clear();
  }
}
