/** Dialogs: the modals that bots open, and the page's own questions. */

import { el } from "./dom.js";
import { acceptOf, faultOf, fileCard, fileInput, takeDrops, upload } from "./files.js";
import { icon } from "./icons.js";
import { interactionsOf } from "./interactions.js";
import { markdown } from "./markdown.js";
import { Select } from "./selects.js";

const WRONG = "Something went wrong. Try it again.";
const MOST_TEXT = 4000;
const TYPE = { ROW: 1, TEXT: 10, LABEL: 18 };

let made = 0;

/**
 * @param {HTMLElement} overlays
 * @param {import("./app.js").Page} page
 */
export function mountModals(overlays, page) {
  page.live.on("modal", (event) => new Modal(page, event).show(overlays));
}

/**
 * Ask one thing in a dialog of the page's own.
 *
 * @param {import("./app.js").Page} page
 * @param {{title: string, label: string, most: number, go: string, then: (text: string) => Promise<void>}} question `then`
 *   may reject with a sentence, which is shown
 */
export function ask(page, { title, label, most, go, then }) {
  const component = { type: 4, style: 1, custom_id: "text", max_length: most };
  const entry = entryOf({ type: TYPE.LABEL, label, component }, page);
  const shell = new Shell(page, title, [entry.element], { go, send: () => send() });
  async function send() {
    if (!shell.passes([entry])) return;
    await shell.during(async () => {
      await then(await entry.value());
      shell.close();
    });
  }
  shell.show(document.body);
}

/** A modal that a bot has opened. */
class Modal {
  constructor(page, { interaction, modal }) {
    this.page = page;
    this.interaction = interaction;
    const parts = modal.components.map((component) => entryOf(component, page));
    this.entries = parts.filter((part) => part.id);
    const elements = parts.map((part) => part.element);
    this.shell = new Shell(page, modal.title, elements, { go: "Submit", send: () => this.#send() });
  }

  show(overlays) {
    this.shell.show(overlays);
  }

  async #send() {
    if (!this.shell.passes(this.entries)) return;
    await this.shell.during(async () => {
      const values = {};
      for (const entry of this.entries) values[entry.id] = await entry.value();
      const { answer } = await interactionsOf(this.page).use("submit", { modal: this.interaction, values });
      const { state } = await answer;
      if (state === "failed") throw new Error(WRONG);
      this.shell.close();
    });
  }
}

/** A dialog with a form: the browser keeps the focus in it, and Escape closes it. */
class Shell {
  constructor(page, title, elements, { go, send }) {
    const id = `dialog-${++made}`;
    this.fault = el("p", { class: "fault", role: "alert", hidden: true });
    this.button = el("button", { class: "button primary" }, go);
    this.form = el(
      "form",
      { class: "dialog-form", novalidate: true },
      el("div", { class: "dialog-body" }, ...elements, this.fault),
      el("div", { class: "dialog-foot" }, el("button", { type: "button", class: "button secondary", on: { click: () => this.close() } }, "Cancel"), this.button),
    );
    this.dialog = el(
      "dialog",
      { class: "dialog", "aria-labelledby": id },
      el(
        "header",
        { class: "dialog-head" },
        el("h2", { id }, title),
        el("button", { type: "button", class: "icon-button", "aria-label": "Close", on: { click: () => this.close() } }, icon("close")),
      ),
      this.form,
    );
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      send();
    });
    this.form.addEventListener("keydown", (event) => this.#key(event));
    this.dialog.addEventListener("close", () => {
      this.dialog.remove();
      // What opened it may be gone, as the menu of a message is.
      if (document.activeElement === document.body) page.composer.focus();
    });
  }

  show(container) {
    container.append(this.dialog);
    this.dialog.showModal();
    (this.form.querySelector("input, textarea, .select-button") ?? this.button).focus();
  }

  close() {
    this.dialog.close();
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

  #key(event) {
    const isSending = event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.isComposing;
    if (isSending) this.form.requestSubmit();
  }
}

/**
 * One thing that a modal asks or says.
 *
 * @typedef {Object} Entry
 * @property {HTMLElement} element
 * @property {string} [id] the custom_id; what only says something has none
 * @property {() => boolean} [check] whether it may be sent; says at the field why not
 * @property {() => Promise<any>} [value]
 * @property {() => void} [focus]
 */

/** @returns {Entry} */
function entryOf(component, page) {
  if (component.type === TYPE.TEXT) return { element: markdown(component.content, { store: page.store, message: null, revealed: new Set(), key: "modal", spoilers: 0 }) };
  if (component.type === TYPE.ROW) {
    const [input] = component.components;
    return labelled(input, { label: input.label, page });
  }
  return labelled(component.component, { label: component.label, description: component.description, page });
}

const FIELDS = { 3: choosing, 4: writing, 5: choosing, 6: choosing, 7: choosing, 8: choosing, 19: uploading, 21: radios, 22: boxes, 23: box };

function labelled(component, { label, description, page }) {
  const id = `field-${++made}`;
  const about = { id, label, isRequired: component.required !== false, describedBy: `${id}-said ${id}-fault`, page };
  const field = FIELDS[component.type](component, about);
  const fault = el("p", { class: "fault", id: `${id}-fault`, hidden: true });
  const check = () => {
    const sentence = field.fault();
    fault.textContent = sentence ?? "";
    fault.hidden = !sentence;
    field.focused.setAttribute("aria-invalid", String(Boolean(sentence)));
    return !sentence;
  };
  field.element.addEventListener("input", () => fault.hidden || check());
  const star = about.isRequired && el("span", { class: "entry-star", "aria-hidden": "true" }, " *");
  const title = field.isGroup ? el("legend", {}, label, star) : el("label", { for: id }, label, star);
  const said = description && el("p", { class: "entry-said", id: `${id}-said` }, description);
  const parts = field.isOwnLabel ? [field.element, said] : [title, said, field.element];
  const element = el(field.isGroup ? "fieldset" : "div", { class: "entry" }, ...parts, fault);
  return { element, id: component.custom_id, check, value: async () => field.value(), focus: () => field.focused.focus() };
}

function writing(component, { id, isRequired, describedBy, label }) {
  const { style, value, placeholder } = component;
  const low = component.min_length ?? 0;
  const high = component.max_length ?? MOST_TEXT;
  const isLong = style === 2;
  const attributes = { id, placeholder, "aria-describedby": describedBy, "aria-required": isRequired ? "true" : null, class: "text-input" };
  const input = el(isLong ? "textarea" : "input", isLong ? { ...attributes, rows: 4 } : { ...attributes, type: "text" });
  input.value = value ?? "";
  const left = el("span", { class: "entry-count", "aria-hidden": "true" });
  const count = () => {
    left.textContent = `${[...input.value].length} / ${high}`;
    left.toggleAttribute("data-over", [...input.value].length > high);
  };
  input.addEventListener("input", count);
  count();
  const fault = () => textFault(label, [...input.value].length, { low, high, isRequired });
  return { element: el("div", { class: "entry-text" }, input, left), focused: input, fault, value: () => input.value };
}

function textFault(label, length, { low, high, isRequired }) {
  if (!length) return isRequired ? `“${label}” is needed.` : null;
  if (length < low) return `At least ${low} characters; there are ${length}.`;
  return length > high ? `At most ${high} characters; there are ${length}.` : null;
}

function choosing(component, { id, label, describedBy, isRequired, page }) {
  const select = new Select(component, page.store, { label, describedBy, chosen: () => select.element.dispatchEvent(new Event("input", { bubbles: true })) });
  select.button.id = id;
  const fault = () => countFault(label, select.values.length, { low: select.least, high: select.most, isRequired });
  return { element: select.element, focused: select.button, fault, value: () => select.values };
}

function countFault(label, count, { low, high, isRequired }) {
  if (!count && !isRequired) return null;
  if (count < low || (!count && isRequired)) return low > 1 ? `“${label}” needs at least ${low}.` : `“${label}” is needed.`;
  return count > high ? `“${label}” takes ${high} at most.` : null;
}

function uploading(component, { id, label, describedBy, isRequired, page }) {
  const high = component.max_values ?? 1;
  const low = component.min_values ?? 1;
  const { store } = page;
  let files = [];
  const cards = el("div", { class: "file-cards" });
  const input = fileInput({ label, multiple: high > 1, accept: acceptOf(component.file_types), take: (more) => keep([...files, ...more]) });
  input.id = id;
  input.setAttribute("aria-describedby", describedBy);
  const pick = el("label", { class: "file-pick" }, input, el("span", {}, high > 1 ? "Choose files, or drop them here" : "Choose a file, or drop it here"));
  const element = el("div", { class: "entry-files" }, cards, pick);
  takeDrops(element, (more) => keep([...files, ...more]));
  function keep(kept) {
    files = kept.slice(-high);
    cards.replaceChildren(...files.map((file) => fileCard(file, store.uploadLimitBytes, () => keep(files.filter((other) => other !== file)))));
    element.dispatchEvent(new Event("input"));
  }
  const fault = () =>
    countFault(label, files.length, { low, high, isRequired }) ?? files.map((file) => faultOf(file, store.uploadLimitBytes)).find(Boolean) ?? null;
  return { element, focused: input, fault, value: () => Promise.all(files.map((file) => upload(file, store))) };
}

function radios(component, about) {
  const group = groupOf(component, about, "radio");
  return { ...group, value: () => group.chosen()[0] ?? null, fault: () => countFault(about.label, group.chosen().length, { low: 1, high: 1, ...about }) };
}

function boxes(component, about) {
  const group = groupOf(component, about, "checkbox");
  const bounds = { low: component.min_values ?? 1, high: component.max_values ?? component.options.length, ...about };
  return { ...group, value: group.chosen, fault: () => countFault(about.label, group.chosen().length, bounds) };
}

function groupOf(component, { id, describedBy }, type) {
  const inputs = component.options.map((option) => {
    const input = el("input", { type, name: id, value: option.value });
    input.checked = Boolean(option.default);
    return input;
  });
  const rows = component.options.map(({ label, description }, index) =>
    el("label", { class: "tick" }, inputs[index], el("span", {}, label, description && el("span", { class: "entry-said" }, description))),
  );
  const element = el("div", { role: type === "radio" ? "radiogroup" : "group", "aria-describedby": describedBy }, ...rows);
  const chosen = () => inputs.filter((input) => input.checked).map((input) => input.value);
  return { element, focused: inputs[0], isGroup: true, chosen };
}

function box(component, { id, label, describedBy }) {
  const input = el("input", { type: "checkbox", id, "aria-describedby": describedBy });
  input.checked = Boolean(component.default);
  const element = el("label", { class: "tick" }, input, el("span", {}, label));
  return { element, focused: input, isOwnLabel: true, fault: () => null, value: () => input.checked };
}
