/** What a modal asks and says: one entry for each of its components. */

import { el } from "./dom.js";
import { acceptOf, faultOf, fileCard, fileInput, takeDrops, upload } from "./files.js";
import { markdown } from "./markdown.js";
import { Select } from "./selects.js";

const MOST_TEXT = 4000;
const LONG = 2;
const TYPE = { ROW: 1, TEXT: 10 };

let made = 0;

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

/**
 * @param {Object} component that stands in a modal itself
 * @param {import("./app.js").Page} page
 * @returns {Entry}
 */
export function entryOf(component, page) {
  if (component.type === TYPE.TEXT) return { element: words(component.content, page) };
  if (component.type === TYPE.ROW) {
    const [input] = component.components;
    return labelled(input, { label: input.label, page });
  }
  return labelled(component.component, { label: component.label, description: component.description, page });
}

function words(content, { store }) {
  return markdown(content, { store, message: null, revealed: new Set(), key: "modal", spoilers: 0 });
}

const FIELDS = {
  3: choosing,
  4: writing,
  5: choosing,
  6: choosing,
  7: choosing,
  8: choosing,
  19: uploading,
  21: radios,
  22: boxes,
  23: box,
};

/**
 * @param {Object} component that takes something
 * @param {{label: string, description?: string, page: import("./app.js").Page}} about
 * @returns {Entry}
 */
export function labelled(component, { label, description, page }) {
  const id = `field-${++made}`;
  const about = { id, label, isRequired: component.required !== false, describedBy: `${id}-said ${id}-fault`, page };
  const field = FIELDS[component.type](component, about);
  const fault = el("p", { class: "fault", id: `${id}-fault`, hidden: true });
  const check = () => {
    const sentence = field.fault();
    fault.textContent = sentence ?? "";
    fault.hidden = !sentence;
    element.toggleAttribute("data-fault", Boolean(sentence));
    field.invalid?.setAttribute("aria-invalid", String(Boolean(sentence)));
    return !sentence;
  };
  field.element.addEventListener("input", () => fault.hidden || check());
  const star = about.isRequired && el("span", { class: "entry-star", "aria-hidden": "true" }, " *");
  const [tag, link] = field.isGroup ? ["span", { id: `${id}-title` }] : ["label", { for: id }];
  const title = el(tag, { class: "entry-title", ...link }, label, star);
  const said = description && el("p", { class: "entry-said", id: `${id}-said` }, description);
  const parts = field.isOwnLabel ? [field.element, said] : [title, said, field.element];
  const element = el("div", { class: "entry" }, ...parts, fault);
  return { element, id: component.custom_id, check, value: async () => field.value(), focus: () => field.focused.focus() };
}

function writing(component, { id, isRequired, describedBy, label }) {
  const { style, value, placeholder } = component;
  const low = component.min_length ?? 0;
  const high = component.max_length ?? MOST_TEXT;
  const said = { "aria-describedby": describedBy, "aria-required": isRequired ? "true" : null };
  const [tag, own] = style === LONG ? ["textarea", { rows: 4 }] : ["input", { type: "text" }];
  const input = el(tag, { id, class: "text-input", placeholder, ...said, ...own });
  input.value = value ?? "";
  const left = el("span", { class: "entry-count", "aria-hidden": "true" });
  const count = () => {
    left.textContent = `${[...input.value].length} / ${high}`;
    left.toggleAttribute("data-over", [...input.value].length > high);
  };
  input.addEventListener("input", count);
  count();
  const fault = () => textFault(label, [...input.value].length, { low, high, isRequired });
  const element = el("div", { class: "entry-text" }, input, left);
  return { element, focused: input, invalid: input, fault, value: () => input.value };
}

function textFault(label, length, { low, high, isRequired }) {
  if (!length) return isRequired ? `“${label}” is needed.` : null;
  if (length < low) return `At least ${low} characters; there are ${length}.`;
  return length > high ? `At most ${high} characters; there are ${length}.` : null;
}

function choosing(component, { id, label, describedBy, isRequired, page }) {
  const chosen = () => select.element.dispatchEvent(new Event("input", { bubbles: true }));
  const select = new Select(component, page.store, { label, describedBy, chosen });
  select.button.id = id;
  const fault = () => countFault(label, select.values.length, { low: select.least, high: select.most, isRequired });
  return { element: select.element, focused: select.button, fault, value: () => select.values };
}

function countFault(label, count, { low, high, isRequired }) {
  if (!count && !isRequired) return null;
  if (!count && low < 2) return `“${label}” is needed.`;
  if (count < low) return `“${label}” needs at least ${low}.`;
  return count > high ? `“${label}” takes ${high} at most.` : null;
}

function uploading(component, { id, label, describedBy, isRequired, page }) {
  const high = component.max_values ?? 1;
  const low = component.min_values ?? 1;
  const { store } = page;
  let files = [];
  const cards = el("div", { class: "file-cards" });
  const take = (more) => keep([...files, ...more]);
  const input = fileInput({ label, multiple: high > 1, accept: acceptOf(component.file_types), take });
  input.id = id;
  input.setAttribute("aria-describedby", describedBy);
  const invitation = high > 1 ? "Choose files, or drop them here" : "Choose a file, or drop it here";
  const pick = el("label", { class: "file-pick" }, input, el("span", {}, invitation));
  const element = el("div", { class: "entry-files" }, cards, pick);
  takeDrops(element, take);
  const cardOf = (file) => fileCard(file, store.uploadLimitBytes, () => keep(files.filter((other) => other !== file)));
  function keep(kept) {
    files = kept.slice(-high);
    cards.replaceChildren(...files.map(cardOf));
    element.dispatchEvent(new Event("input", { bubbles: true }));
  }
  const tooLarge = () => files.map((file) => faultOf(file, store.uploadLimitBytes)).find(Boolean);
  const fault = () => countFault(label, files.length, { low, high, isRequired }) ?? tooLarge() ?? null;
  return { element, focused: input, fault, value: () => Promise.all(files.map((file) => upload(file, store))) };
}

function radios(component, about) {
  const group = groupOf(component, about, "radio");
  const fault = () => countFault(about.label, group.chosen().length, { low: 1, high: 1, ...about });
  return { ...group, value: () => group.chosen()[0] ?? null, fault };
}

function boxes(component, about) {
  const group = groupOf(component, about, "checkbox");
  const bounds = { low: component.min_values ?? 1, high: component.max_values ?? component.options.length, ...about };
  return { ...group, value: group.chosen, fault: () => countFault(about.label, group.chosen().length, bounds) };
}

function groupOf(component, { id, describedBy, isRequired }, type) {
  const inputs = component.options.map((option) => {
    const input = el("input", { type, name: id, value: option.value });
    input.checked = Boolean(option.default);
    return input;
  });
  const rows = component.options.map(({ label, description }, index) => {
    const said = description && el("span", { class: "entry-said" }, description);
    return el("label", { class: "tick" }, inputs[index], el("span", {}, label, said));
  });
  const isRadio = type === "radio";
  const said = { "aria-labelledby": `${id}-title`, "aria-describedby": describedBy };
  const needed = isRadio && isRequired ? "true" : null;
  const element = el("div", { role: isRadio ? "radiogroup" : "group", "aria-required": needed, ...said }, ...rows);
  const chosen = () => inputs.filter((input) => input.checked).map((input) => input.value);
  return { element, focused: inputs[0], invalid: isRadio ? element : null, isGroup: true, chosen };
}

function box(component, { id, label, describedBy }) {
  const input = el("input", { type: "checkbox", id, "aria-describedby": describedBy });
  input.checked = Boolean(component.default);
  const element = el("label", { class: "tick" }, input, el("span", {}, label));
  return { element, focused: input, isOwnLabel: true, fault: () => null, value: () => input.checked };
}
