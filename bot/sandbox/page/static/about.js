/** The bar above the composer: to which message one replies, or which one is changed. */

import { signButton } from "./buttons.js";
import { el } from "./dom.js";
import { nameOf } from "./names.js";
import { snippet } from "./rows.js";

const WORDS = {
  reply: { title: (name) => `Replying to ${name}`, end: "Do not reply" },
  edit: { title: () => "Changing your message", end: "Do not change it" },
};

/** What is done besides writing. */
export class About {
  /** @type {"reply"|"edit"|null} */
  kind = null;
  message = null;
  /** Whether a reply notifies whom it answers. */
  ping = true;

  /**
   * @param {import("./store.js").Store} store
   * @param {() => void} end was pressed
   */
  constructor(store, end) {
    this.store = store;
    this.end = end;
    this.element = el("div", { class: "composer-bar", hidden: true });
  }

  /** @param {"reply"|"edit"} kind */
  begin(kind, message) {
    this.kind = kind;
    this.message = message;
    this.ping = true;
    this.#show();
  }

  clear() {
    this.kind = null;
    this.message = null;
    this.element.hidden = true;
  }

  /** What `send` is told of it. */
  get reply() {
    return this.kind === "reply" ? { reply_to: this.message.id, ping: this.ping } : {};
  }

  #show() {
    const { title, end } = WORDS[this.kind];
    const isReply = this.kind === "reply";
    const name = nameOf(this.store, this.message.author);
    const words = el("span", { class: "composer-about" }, el("b", {}, title(name)));
    if (isReply) words.append(" ", el("span", { class: "composer-quoted" }, snippet(this.message)));
    const close = signButton("close", end, this.end);
    this.element.replaceChildren(...[words, isReply && this.#pingSwitch(name), close].filter(Boolean));
    this.element.hidden = false;
  }

  #pingSwitch(name) {
    const label = `Mention ${name}`;
    const state = { role: "switch", "aria-checked": String(this.ping), "aria-label": label, title: label };
    const turn = () => {
      this.ping = !this.ping;
      this.#show();
      this.element.querySelector("[role=switch]").focus();
    };
    return el("button", { type: "button", class: "chip", ...state, on: { click: turn } }, `@ ${this.ping ? "on" : "off"}`);
  }
}
