/**
 * Suggestions for what is typed into a field: the combobox pattern of the ARIA Authoring Practices Guide. A field of
 * several lines stays the text box that it is, because ARIA in HTML allows it no other role; it has no `aria-expanded`.
 */

import { el } from "./dom.js";

/**
 * @typedef {Object} Choice
 * @property {string} name
 * @property {any} value
 * @property {string} [hint] is said behind the name
 * @property {boolean} [isLoose] fits only somehow, so that it is not picked by itself
 */

/**
 * @typedef {Object} Source
 * @property {string} label of the list, for a screen reader
 * @property {(typed: string) => Choice[]|null|Promise<Choice[]|null>} look null leaves the list as it is
 * @property {(choice: Choice) => void} take one was chosen
 * @property {number} [wait_ms] how long the typing must pause before `look` is asked
 * @property {boolean} [isEager] the first choice is picked already, so that Enter takes it
 * @property {string} [nothing] what is said where nothing fits; without it the list closes
 */

let made = 0;

/** A list of suggestions above or below a field. It takes the keys that are meant for it, before anybody else. */
export class Suggestions {
  #asked = 0;
  #timer = 0;
  #choices = [];
  #at = -1;

  /**
   * @param {HTMLInputElement|HTMLTextAreaElement} input
   * @param {HTMLElement} host where the list stands
   * @param {Source} source
   */
  constructor(input, host, source) {
    this.input = input;
    this.host = host;
    this.source = source;
    const about = { id: `suggestions-${++made}`, role: "listbox", "aria-label": source.label };
    // What scrolls has to be within reach, though the arrows do all of it from the field.
    this.list = el("ul", { class: "suggestions", tabindex: "0", ...about });
    this.list.addEventListener("mousedown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => this.#click(event));
    const isCombobox = input.tagName === "INPUT";
    for (const [name, said] of Object.entries(isCombobox ? COMBOBOX : FIELD)) input.setAttribute(name, said);
    input.addEventListener("keydown", (event) => this.#key(event));
    input.addEventListener("blur", () => this.close());
  }

  /** Whether the list is shown. */
  get isOpen() {
    return this.list.isConnected;
  }

  /** What is picked and would be taken by Enter; undefined if nothing is. */
  get picked() {
    return this.isOpen ? this.#choices[this.#at] : undefined;
  }

  /** Look for what fits the field's text. The newest question wins. */
  look() {
    clearTimeout(this.#timer);
    const asked = ++this.#asked;
    if (this.source.wait_ms) this.#timer = setTimeout(() => this.#ask(asked), this.source.wait_ms);
    else this.#ask(asked);
  }

  /** Take the list away, and whatever is still being looked for. */
  close() {
    clearTimeout(this.#timer);
    this.#asked += 1;
    this.#choices = [];
    this.#at = -1;
    this.list.remove();
    this.#expand(false);
    this.input.removeAttribute("aria-controls");
    this.input.removeAttribute("aria-activedescendant");
  }

  #ask(asked) {
    const found = this.source.look(this.input.value);
    if (!(found instanceof Promise)) {
      this.#found(asked, found);
      return;
    }
    this.#say("Looking…", "waits");
    found.then(
      (choices) => this.#found(asked, choices),
      (error) => asked === this.#asked && this.#say(error.message, "fault"),
    );
  }

  #found(asked, choices) {
    if (asked !== this.#asked || choices === null) return;
    this.#choices = choices;
    this.#at = this.source.isEager && choices.length && !choices[0].isLoose ? 0 : -1;
    if (choices.length) this.#show(choices.map((choice, index) => this.#item(choice, index)));
    else if (this.source.nothing) this.#say(this.source.nothing, "nothing");
    else this.close();
    this.#mark();
  }

  #say(sentence, kind) {
    if (kind === "waits" && this.#choices.length) return;
    this.#choices = [];
    this.#at = -1;
    this.#show([el("li", { class: `suggestion-${kind}`, role: "option", "aria-disabled": "true" }, sentence)]);
  }

  #show(items) {
    if (!this.input.isConnected) return; // it was put aside meanwhile
    this.list.replaceChildren(...items);
    if (!this.isOpen) this.host.append(this.list);
    this.#expand(true);
    this.input.setAttribute("aria-controls", this.list.id);
  }

  #expand(isOpen) {
    if (this.input.role === "combobox") this.input.setAttribute("aria-expanded", String(isOpen));
  }

  #item(choice, index) {
    return el(
      "li",
      { id: `${this.list.id}-${index}`, role: "option", class: "suggestion", dataset: { index } },
      el("span", { class: "suggestion-name" }, choice.name),
      choice.hint && el("span", { class: "suggestion-hint" }, choice.hint),
    );
  }

  #mark() {
    for (const item of this.list.children) {
      const isPicked = Number(item.dataset.index) === this.#at;
      item.setAttribute("aria-selected", String(isPicked));
      if (isPicked) item.scrollIntoView({ block: "nearest" });
    }
    const active = this.list.children[this.#at];
    if (active) this.input.setAttribute("aria-activedescendant", active.id);
    else this.input.removeAttribute("aria-activedescendant");
  }

  #key(event) {
    if (event.isComposing || !this.isOpen) return;
    if (event.key === "Tab" && event.shiftKey) {
      this.close(); // else it would be what one comes back to
      return;
    }
    const moves = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (moves && this.#choices.length) this.#move(moves);
    else if (event.key === "Escape") this.close();
    else if (isTaking(event) && this.picked) this.#take(this.picked);
    else return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  #move(by) {
    const count = this.#choices.length;
    this.#at = this.#at < 0 && by < 0 ? count - 1 : (this.#at + by + count) % count;
    this.#mark();
  }

  #click(event) {
    const index = event.target.closest("[data-index]")?.dataset.index;
    if (index !== undefined) this.#take(this.#choices[Number(index)]);
  }

  #take(choice) {
    this.close();
    this.source.take(choice);
  }
}

const FIELD = { "aria-autocomplete": "list", "aria-haspopup": "listbox", autocomplete: "off" };
const COMBOBOX = { ...FIELD, role: "combobox", "aria-expanded": "false" };

function isTaking(event) {
  return (event.key === "Enter" || event.key === "Tab") && !event.shiftKey;
}
