/** Dialogs, and the page's own questions in them. */

import { signButton } from "./buttons.js";
import { el } from "./dom.js";
import { labelled } from "./entries.js";

let made = 0;

/**
 * Ask one thing in a dialog of the page's own.
 *
 * @param {import("./app.js").Page} page
 * @param {{title: string, label: string, most: number, go: string, then: (text: string) => Promise<void>}} question `then`
 *   may reject with a sentence, which is shown
 */
export function ask(page, { title, label, most, go, then }) {
  const entry = labelled({ type: 4, style: 1, custom_id: "text", max_length: most }, { label, page });
  const dialog = new Dialog(page, title, [entry.element], { go, send: () => send() });
  async function send() {
    if (!dialog.passes([entry])) return;
    await dialog.during(async () => {
      await then(await entry.value());
      dialog.close();
    });
  }
  dialog.show(document.body);
}

/** A dialog with a form: the browser keeps the focus in it, and Escape closes it. */
export class Dialog {
  /**
   * @param {import("./app.js").Page} page
   * @param {string} title
   * @param {HTMLElement[]} elements
   * @param {{go: string, send: () => void}} use `go` are the words on the button that sends
   */
  constructor(page, title, elements, { go, send }) {
    const id = `dialog-${++made}`;
    this.page = page;
    /** Whether something was written that closing would lose. */
    this.isBegun = false;
    this.fault = el("p", { class: "fault", role: "alert", hidden: true });
    this.button = el("button", { class: "button primary" }, go);
    const cancel = el("button", { type: "button", class: "button secondary", on: { click: () => this.close() } }, "Cancel");
    this.form = el(
      "form",
      { class: "dialog-form", novalidate: true, autocomplete: "off" },
      el("div", { class: "dialog-body" }, ...elements, this.fault),
      el("div", { class: "dialog-foot" }, cancel, this.button),
    );
    const close = signButton("close", "Close", () => this.close());
    const head = el("header", { class: "dialog-head" }, el("h2", { id }, title), close);
    this.element = el("dialog", { class: "dialog", "aria-labelledby": id }, head, this.form);
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      send();
    });
    this.form.addEventListener("keydown", (event) => this.#key(event));
    this.form.addEventListener("input", () => {
      this.isBegun = true;
    });
    this.element.addEventListener("cancel", (event) => event.target === this.element && this.#cancel(event));
    this.element.addEventListener("close", () => {
      this.element.remove();
      // What opened it may be gone, as the menu of a message is.
      if (document.activeElement === document.body) page.composer.focus();
    });
  }

  show(container) {
    const { store } = this.page;
    const { me } = store;
    const forget = store.on("hello", () => store.me.id === me.id || this.close());
    this.element.addEventListener("close", forget);
    container.append(this.element);
    this.element.showModal();
    (this.form.querySelector("input, textarea, .select-button") ?? this.button).focus();
  }

  close() {
    this.element.close();
  }

  /** Show what is wrong with each, and go to the first. */
  passes(entries) {
    const wrong = entries.filter((entry) => !entry.check());
    wrong[0]?.focus();
    return wrong.length === 0;
  }

  /** Do something with the form shut, and show why it could not be done. */
  async during(work) {
    this.#say("");
    this.#busy(true);
    try {
      await work();
    } catch (error) {
      this.#say(error.message);
    } finally {
      this.#busy(false);
    }
  }

  #busy(isBusy) {
    this.button.disabled = isBusy;
    this.button.toggleAttribute("data-busy", isBusy);
  }

  #say(sentence) {
    this.fault.textContent = sentence;
    this.fault.hidden = !sentence;
  }

  /** What was written is given up only by who means it. */
  #cancel(event) {
    if (!this.isBegun) return;
    event.preventDefault();
    this.isBegun = false;
    this.#say("Escape once more closes this, and what you wrote is lost then.");
  }

  #key(event) {
    const isSending = event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.isComposing;
    if (isSending) this.form.requestSubmit();
  }
}
