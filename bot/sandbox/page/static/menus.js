/** The menu of a message: reply, change, copy, and what bots offer for it. */

import { el } from "./dom.js";
import { use } from "./interactions.js";
import { ask } from "./dialogs.js";
import { putBeside, rove, spot } from "./popups.js";
import { FLAG } from "./store.js";

const TEXT_DISPLAY = 10;
const MAX_THREAD_NAME = 100;

/**
 * @param {HTMLElement} overlays
 * @param {import("./app.js").Page} page
 */
export function mountMenus(overlays, page) {
  page.hooks.menu = (message, anchor, point) => new Menu(overlays, page, message).open(anchor, point);
}

class Menu {
  constructor(overlays, page, message) {
    this.overlays = overlays;
    this.page = page;
    this.message = message;
    this.apps = el("div", { role: "group", "aria-label": "Apps" });
    this.popup = el("div", { class: "popup menu", popover: "auto", role: "menu", "aria-label": "Message" });
    this.popup.append(...this.#items());
    this.popup.addEventListener("keydown", (event) => this.#key(event));
    this.popup.addEventListener("toggle", (event) => event.newState === "closed" && this.#closed());
  }

  open(anchor, point) {
    this.anchor = anchor;
    this.place = point ? spot(point) : anchor.getBoundingClientRect();
    this.overlays.append(this.popup);
    this.popup.showPopover();
    putBeside(this.popup, this.place);
    this.#buttons()[0]?.focus();
    this.#offer();
  }

  #items() {
    const { may, thread, flags } = this.message;
    const isPrivate = Boolean(flags & FLAG.EPHEMERAL);
    const { composer } = this.page;
    return [
      may.reply && this.#item("Reply", () => composer.reply(this.message)),
      may.edit && this.#item("Edit message", () => composer.edit(this.message)),
      thread && this.#item("Go to the thread", () => this.page.open(thread.id)),
      may.thread && !thread && this.#item("Open a thread", () => this.#thread()),
      textOf(this.message) && this.#item("Copy text", () => this.#copy()),
      this.apps,
      may.delete && this.#item(isPrivate ? "Dismiss message" : "Delete message", () => this.#delete(), "menu-danger"),
    ].filter(Boolean);
  }

  #item(words, act, kind = "") {
    const item = { type: "button", role: "menuitem", tabindex: "-1", class: `menu-item ${kind}` };
    return el("button", { ...item, on: { click: () => this.#act(act) } }, words);
  }

  #buttons() {
    return [...this.popup.querySelectorAll('[role="menuitem"]')];
  }

  async #act(act) {
    const { channel_id: channel } = this.message;
    this.popup.hidePopover();
    try {
      await act();
    } catch (refused) {
      this.page.tell(refused.message, { channel, isError: true });
    }
  }

  async #offer() {
    const { id, channel_id: channel } = this.message;
    const { menus } = await this.page.live.ask("offer", { channel, message: id }).catch((refused) => {
      this.apps.replaceChildren(el("p", { class: "fault" }, refused.message));
      return { menus: [] };
    });
    const items = menus.map((name) => this.#item(name, () => use(this.page, "menu", { channel, message: id, name })));
    if (!items.length || !this.popup.isConnected) return;
    this.apps.replaceChildren(el("p", { class: "popup-title", "aria-hidden": "true" }, "Apps"), ...items);
    putBeside(this.popup, this.place);
  }

  #thread() {
    const { id, channel_id: channel } = this.message;
    const open = async (name) => {
      const thread = await this.page.live.ask("thread", { channel, message: id, name });
      this.page.open(thread.id);
    };
    ask(this.page, { title: "Open a thread", label: "Its name", most: MAX_THREAD_NAME, go: "Open", then: open });
  }

  async #copy() {
    try {
      await navigator.clipboard.writeText(textOf(this.message));
      this.page.announce("Copied.");
    } catch {
      throw new Error("The browser does not allow copying here.");
    }
  }

  #delete() {
    const { id, channel_id: channel } = this.message;
    return this.page.live.ask("delete", { channel, message: id });
  }

  #key(event) {
    if (event.key === "Tab") this.popup.hidePopover();
    else rove(event, this.#buttons());
  }

  #closed() {
    const isLost = document.activeElement === document.body || this.popup.contains(document.activeElement);
    this.popup.remove();
    if (isLost) this.anchor.focus();
  }
}

/**
 * @param {Object} message
 * @returns {string} all that it says
 */
export function textOf(message) {
  return [message.content, ...displays(message.components)].filter(Boolean).join("\n");
}

function displays(components) {
  return (components ?? []).flatMap((component) =>
    component.type === TEXT_DISPLAY ? [component.content] : displays(component.components),
  );
}
