/** The bar above the composer: to which message one replies, or which one is changed. */

import { signButton } from "./buttons.js";
import { el } from "./dom.js";
import { nameOf } from "./names.js";
import { snippet } from "./rows.js";

const WORDS = {
  reply: { title: (name) => `Replying to ${name}`, end: "Do not reply" },
  edit: { title: () => "Changing your message", end: "Do not change it" },
};

/** Says what is done besides writing, where there is something. */
export class About {
  #about = null;

  /**
   * @param {import("./store.js").Store} store
   * @param {() => void} end was pressed
   */
  constructor(store, end) {
    this.store = store;
    this.end = end;
    this.element = el("div", { class: "composer-bar", hidden: true });
  }

  /** @param {import("./drafts.js").Layer} layer */
  show(layer) {
    const about = layer.kind === "edit" ? layer : (layer.reply ?? null);
    if (about === this.#about) return;
    this.#about = about;
    this.element.hidden = about === null;
    if (about) this.#draw(about, about === layer ? "edit" : "reply");
  }

  #draw(about, kind) {
    const { title, end } = WORDS[kind];
    const name = nameOf(this.store, about.message.author);
    const words = el("span", { class: "composer-about" }, el("b", {}, title(name)));
    const close = signButton("close", end, this.end);
    this.element.replaceChildren(words, close);
    if (kind === "edit") return;
    words.append(" ", el("span", { class: "composer-quoted" }, snippet(about.message)));
    close.before(pingSwitch(about, name));
  }
}

function pingSwitch(reply, name) {
  const label = `Mention ${name}`;
  const button = el("button", { type: "button", class: "chip", role: "switch", "aria-label": label, title: label });
  const show = () => {
    button.setAttribute("aria-checked", String(reply.ping));
    button.textContent = `@ ${reply.ping ? "on" : "off"}`;
  };
  button.addEventListener("click", () => {
    reply.ping = !reply.ping;
    show();
  });
  show();
  return button;
}
