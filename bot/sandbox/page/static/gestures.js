/** What is done with a message where it stands: pressed, revealed, gone to, asked for its menu, walked along by keys. */

import { original } from "./rows.js";

/** Listens on the whole list, whose rows come and go. */
export class Gestures {
  /**
   * @param {import("./messages.js").MessageList} list
   * @param {import("./app.js").Page} page
   */
  constructor(list, page) {
    this.list = list;
    this.page = page;
    this.tapped = null;
    list.scroller.addEventListener("click", (event) => this._clicked(event));
    list.scroller.addEventListener("contextmenu", (event) => this._menu(event));
    list.scroller.addEventListener("keydown", (event) => this._key(event));
  }

  /** The message of the row that an element is in. */
  _messageOf(element) {
    const id = element.closest("[data-id]")?.dataset.id;
    const message = id && this.page.store.message(this.page.store.place, id);
    return message && original(message, this.page.store);
  }

  _clicked(event) {
    this._tap(event.target.closest("[data-id]"));
    const pressed = event.target.closest("button, a, [role=button]");
    if (!pressed || !this.list.scroller.contains(pressed)) return;
    const { dataset } = pressed;
    if (dataset.reveal) this._reveal(pressed);
    else if (dataset.press) this._press(pressed);
    else if (dataset.command) this.page.hooks.command(dataset.command);
    else if (dataset.large !== undefined) this.list.enlarge(pressed.querySelector("img"));
    else this._act(event, pressed);
  }

  /** Who has no pointer to hold over a message sees what can be done with it once it was tapped. */
  _tap(row) {
    if (row === this.tapped) return;
    this.tapped?.removeAttribute("data-tapped");
    row?.setAttribute("data-tapped", "");
    this.tapped = row;
  }

  _act(event, pressed) {
    const { dataset } = pressed;
    const message = this._messageOf(pressed);
    if (dataset.place) {
      event.preventDefault();
      this.list.open(dataset.place, dataset.jump);
    } else if (dataset.menu !== undefined) this.page.hooks.menu(message, pressed, null);
    else if (dataset.reply !== undefined) this.page.composer?.reply(message);
    else if (dataset.dismiss !== undefined) this._dismiss(message);
  }

  _reveal(pressed) {
    const { reveal } = pressed.dataset;
    const { id } = pressed.closest("[data-id]").dataset;
    this.list.reveal(id, reveal);
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
      this.list.refused(error);
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
    } else if (here === this.list.scroller || here.dataset.id) {
      const goal = this._goal(here, event.key);
      if (!goal) return;
      event.preventDefault();
      goal.focus();
      goal.scrollIntoView({ block: "nearest" });
    }
  }

  _goal(here, key) {
    const { firstChild, lastChild } = this.list.rows.element;
    const isRow = here !== this.list.scroller;
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
