/** Selects, and what happens when something on a message is pressed or chosen. */

import { el } from "./dom.js";
import { entities, SELECT_PICKS } from "./entities.js";
import { interactionsOf, use } from "./interactions.js";
import { rove, stayBeside } from "./popups.js";

const STRINGS = 3;

/**
 * @param {HTMLElement} _overlays
 * @param {import("./app.js").Page} page
 */
export function mountSelects(_overlays, page) {
  interactionsOf(page);
  page.hooks.press = (component, message, button) => {
    if (button.hasAttribute("data-busy")) return;
    act(page, button, "click", { channel: message.channel_id, message: message.id, custom_id: component.custom_id });
  };
  page.hooks.select = (component, message) => selectOn(component, message, page).element;
}

function selectOn(component, message, page) {
  const select = new Select(component, page.store, {
    label: component.placeholder || "Choose",
    chosen: (values) =>
      act(page, select.button, "choose", {
        channel: message.channel_id,
        message: message.id,
        custom_id: component.custom_id,
        values,
      }),
  });
  return select;
}

async function act(page, button, verb, fields) {
  button.setAttribute("data-busy", "");
  button.setAttribute("aria-busy", "true");
  try {
    const { answered } = await use(page, verb, fields);
    await answered;
  } catch (refused) {
    page.tell(refused.message, { channel: fields.channel, isError: true });
  } finally {
    button.removeAttribute("data-busy");
    button.removeAttribute("aria-busy");
  }
}

/** A button with a list of what can be chosen: options, or people, roles and channels. */
export class Select {
  /** @type {string[]} what is chosen */
  values;
  #before = [];

  /**
   * @param {Object} component as Discord describes it
   * @param {import("./store.js").Store} store
   * @param {{label: string, describedBy?: string, chosen?: (values: string[]) => void}} use `chosen` is called when one
   *   is through with choosing
   */
  constructor(component, store, { label, describedBy, chosen = () => {} }) {
    this.component = component;
    this.store = store;
    this.chosen = chosen;
    this.most = component.max_values ?? 1;
    this.least = component.min_values ?? (component.required === false ? 0 : 1);
    this.values = defaults(component);
    this.list = el("ul", { role: "listbox", "aria-label": label, "aria-multiselectable": this.most > 1 ? "true" : null });
    this.popup = el("div", { class: "popup select-popup", popover: "auto" }, this.list, this.#foot());
    this.button = el("button", {
      type: "button",
      class: "select-button",
      disabled: component.disabled,
      "aria-haspopup": "listbox",
      "aria-describedby": describedBy,
    });
    this.button.popoverTargetElement = this.popup;
    this.element = el("div", { class: "choosing" }, this.button, this.popup);
    this.popup.addEventListener("toggle", (event) => this.#toggled(event.newState === "open"));
    this.list.addEventListener("click", (event) => this.#click(event));
    this.list.addEventListener("keydown", (event) => this.#key(event));
    this.label = label;
    this.#showChosen();
  }

  get #isMany() {
    return this.most > 1;
  }

  /** Whether as many are chosen as there must be. */
  get isEnough() {
    return this.values.length >= this.least;
  }

  #foot() {
    if (this.most === 1) return null;
    const said = this.least === this.most ? `Choose ${this.most}` : `Choose ${this.least} to ${this.most}`;
    const close = { click: () => this.popup.hidePopover() };
    const done = el("button", { type: "button", class: "button primary", on: close }, "Done");
    return el("p", { class: "select-foot" }, said, done);
  }

  #choices() {
    const { type, options, channel_types } = this.component;
    if (type !== STRINGS) return entities(this.store, SELECT_PICKS[type], channel_types);
    return options.map((option) => ({
      name: option.label,
      value: option.value,
      hint: option.description,
      emoji: option.emoji?.id ? null : option.emoji?.name,
    }));
  }

  #toggled(isOpen) {
    this.button.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) this.#open();
    else this.#closed();
  }

  #open() {
    this.#before = this.values;
    this.list.replaceChildren(...this.#choices().map((choice) => this.#item(choice)));
    const width = this.button.getBoundingClientRect().width;
    this.popup.style.setProperty("min-width", `${width}px`);
    stayBeside(this.popup, this.button);
    (this.list.querySelector('[aria-selected="true"]') ?? this.list.firstElementChild)?.focus();
  }

  #closed() {
    if (!this.#isMany || same(this.values, this.#before)) return;
    if (this.isEnough) this.chosen(this.values);
    else this.values = this.#before;
    this.#showChosen();
  }

  #item(choice) {
    const isChosen = String(this.values.includes(choice.value));
    const hint = choice.hint && el("span", { class: "select-hint" }, choice.hint);
    return el(
      "li",
      { role: "option", tabindex: "-1", class: "select-option", "aria-selected": isChosen, "data-value": choice.value },
      choice.emoji && el("span", { "aria-hidden": "true" }, choice.emoji),
      el("span", { class: "select-words" }, el("span", {}, choice.name), hint),
    );
  }

  #click(event) {
    const item = event.target.closest("[data-value]");
    if (item) this.#pick(item.dataset.value);
  }

  #key(event) {
    const item = event.target.closest("[data-value]");
    if (item && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      this.#pick(item.dataset.value);
    } else {
      rove(event, [...this.list.children]);
    }
  }

  #pick(value) {
    const isChosen = this.values.includes(value);
    if (!this.#isMany) {
      this.values = isChosen && this.least === 0 ? [] : [value];
      this.popup.hidePopover();
      this.chosen(this.values);
    } else if (isChosen) {
      this.values = this.values.filter((chosen) => chosen !== value);
    } else if (this.values.length < this.most) {
      this.values = [...this.values, value];
    }
    for (const item of this.list.children) {
      item.setAttribute("aria-selected", String(this.values.includes(item.dataset.value)));
    }
    this.#showChosen();
  }

  #showChosen() {
    const names = this.#choices()
      .filter((choice) => this.values.includes(choice.value))
      .map((choice) => choice.name);
    const said = names.length ? names.join(", ") : this.component.placeholder || "Choose…";
    this.button.toggleAttribute("data-empty", names.length === 0);
    this.button.setAttribute("aria-label", names.length ? `${this.label}: ${said}` : this.label);
    const arrow = el("span", { "aria-hidden": "true" }, "▾");
    this.button.replaceChildren(el("span", { class: "select-said" }, said), arrow);
  }
}

function defaults(component) {
  if (component.type !== STRINGS) return (component.default_values ?? []).map((value) => value.id);
  return component.options.filter((option) => option.default).map((option) => option.value);
}

function same(one, other) {
  return one.length === other.length && one.every((value) => other.includes(value));
}
