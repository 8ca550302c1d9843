/** The field of one option of a slash command, by the option's type. */

import { Suggestions } from "./autocomplete.js";
import { signButton } from "./buttons.js";
import { el } from "./dom.js";
import { entities, fitting, OPTION_PICKS } from "./entities.js";
import { acceptOf, faultOf, fileCard, fileInput, filesIn, takeDrops, upload } from "./files.js";
import { icon } from "./icons.js";

/** The type of an option that takes a file. */
export const FILE = 11;
const STRING = 3;
const INTEGER = 4;
const BOOLEAN = 5;
const MAX_TEXT = 6000;
const TRUTHS = [{ name: "True", value: true }, { name: "False", value: false }];
const PAUSE_MS = 180;
const MOST_SHOWN = 25;

let made = 0;

/**
 * @typedef {Object} Field
 * @property {Object} spec the option as registered
 * @property {HTMLElement} element
 * @property {boolean} isEmpty whether it has no value
 * @property {boolean} isBlank whether nothing is typed, so that a backspace takes the field away
 * @property {() => any} plainValue undefined where there is none; of a file there never is one
 * @property {() => Promise<any>} value what is sent; a file is brought to the sandbox first
 * @property {() => string|null} fault a sentence, or null where it may be sent
 * @property {() => boolean} check as `fault`, and shows it
 * @property {() => void} focus
 * @property {(target: EventTarget) => boolean} opensByEnter whether Enter means something else than sending there
 * @property {(file: File) => void} [take]
 */

/**
 * @typedef {Object} Surroundings
 * @property {import("./app.js").Page} page
 * @property {HTMLElement} host where suggestions stand
 * @property {(typed: string|number) => Promise<import("./autocomplete.js").Choice[]|null>} complete asks the bot
 * @property {(() => void)|null} remove null where the option is required
 */

/**
 * @param {Object} spec an option as registered
 * @param {Surroundings} around
 * @returns {Field}
 */
export function fieldOf(spec, around) {
  const id = `option-${++made}`;
  const part = makerOf(spec)(spec, { ...around, id });
  const remove = around.remove && signButton("close", `Remove ${spec.name}`, around.remove, "field-remove");
  const name = el("label", { class: "field-name", for: id }, spec.name);
  const element = el("div", { class: "field", dataset: { option: spec.name } }, name, part.element, remove);
  const lack = spec.required ? `${spec.name} is needed.` : null;
  const fault = () => (part.isEmpty() ? lack : (part.fault?.() ?? null));
  const check = () => {
    const sentence = fault();
    element.toggleAttribute("data-fault", Boolean(sentence));
    part.input.setAttribute("aria-invalid", String(Boolean(sentence)));
    return !sentence;
  };
  part.input.setAttribute("aria-describedby", "command-help");
  if (spec.required) part.input.setAttribute("aria-required", "true");
  element.addEventListener("input", () => element.hasAttribute("data-fault") && check());
  return {
    spec,
    element,
    get isEmpty() {
      return part.isEmpty();
    },
    get isBlank() {
      return part.isEmpty() && !part.input.value;
    },
    plainValue: () => (part.isEmpty() ? undefined : part.value()),
    value: async () => (part.isEmpty() ? undefined : (part.arrive ?? part.value)()),
    fault,
    check,
    focus: () => part.input.focus(),
    opensByEnter: (target) => part.input !== target || spec.type === FILE,
    take: part.take,
  };
}

function makerOf(spec) {
  if (spec.type === FILE) return attachment;
  if (OPTION_PICKS[spec.type]) return entity;
  if (spec.type === BOOLEAN || spec.choices?.length) return choice;
  return spec.type === STRING ? words : number;
}

function words(spec, around) {
  const maxlength = spec.max_length ?? MAX_TEXT;
  const input = el("textarea", { id: around.id, class: "field-input", rows: 1, maxlength });
  const taken = spec.autocomplete ? suggest(input, spec, around) : () => undefined;
  const value = () => taken()?.value ?? input.value;
  const fault = () => {
    const low = spec.min_length ?? 0;
    return value().length < low ? `${spec.name} takes at least ${low} characters.` : null;
  };
  return { element: input, input, isEmpty: () => !input.value, value, fault };
}

function number(spec, around) {
  const { min_value: low, max_value: high } = spec;
  const isWhole = spec.type === INTEGER;
  // No input of the type "number": that one swallows what it cannot read instead of letting it be told.
  // The keys that phones show for numbers have no minus.
  const inputmode = low >= 0 ? (isWhole ? "numeric" : "decimal") : null;
  const said = { inputmode, placeholder: span(low, high) };
  const input = el("input", { id: around.id, class: "field-input field-number", ...said });
  const taken = spec.autocomplete ? suggest(input, spec, around) : () => undefined;
  const value = () => taken()?.value ?? Number(input.value.trim().replace(",", "."));
  const fault = () => {
    const given = value();
    if (!Number.isFinite(given)) return `${spec.name} takes a number.`;
    if (isWhole && !Number.isSafeInteger(given)) return `${spec.name} takes a whole number.`;
    return given < (low ?? -Infinity) || given > (high ?? Infinity) ? `${spec.name} takes ${span(low, high)}.` : null;
  };
  return { element: input, input, isEmpty: () => !input.value.trim(), value, fault };
}

function span(low, high) {
  if (high === undefined || high >= Number.MAX_SAFE_INTEGER) return low === undefined ? "" : `${low} or more`;
  return low === undefined ? `at most ${high}` : `${low} to ${high}`;
}

/**
 * Offer what the bot suggests; what is typed stands as it is, unless a suggestion is taken.
 *
 * @returns {() => import("./autocomplete.js").Choice|undefined} the suggestion that was taken and is still in the field
 */
function suggest(input, spec, { host, complete }) {
  let taken;
  const list = new Suggestions(input, host, {
    label: `Suggestions for ${spec.name}`,
    wait_ms: PAUSE_MS,
    look: complete,
    take: (choice) => {
      taken = choice;
      input.value = choice.name;
    },
  });
  input.addEventListener("input", () => list.look());
  input.addEventListener("focus", () => list.look());
  return () => (taken?.name === input.value ? taken : undefined);
}

function choice(spec, { id }) {
  const offered = spec.type === BOOLEAN ? TRUTHS : spec.choices;
  const options = offered.map(({ name }, index) => el("option", { value: index }, name));
  const input = el("select", { id, class: "field-input" }, el("option", { value: "" }, "choose"), ...options);
  return { element: input, input, isEmpty: () => input.value === "", value: () => offered[Number(input.value)].value };
}

function entity(spec, { id, page, host }) {
  const input = el("input", { id, class: "field-input", type: "text", spellcheck: "false" });
  const all = () => entities(page.store, OPTION_PICKS[spec.type], spec.channel_types);
  let chosen = null;
  const list = new Suggestions(input, host, {
    label: `Choices for ${spec.name}`,
    isEager: true,
    nothing: "Nobody and nothing fits.",
    look: (typed) => fitting(all(), typed === chosen?.name ? "" : typed).slice(0, MOST_SHOWN),
    take: (taken) => {
      chosen = taken;
      input.value = taken.name;
    },
  });
  input.addEventListener("input", () => {
    chosen = all().find((known) => known.name === input.value) ?? null;
    list.look();
  });
  input.addEventListener("focus", () => list.look());
  const fault = () => (chosen?.name === input.value ? null : `${spec.name} takes one from the list.`);
  return { element: input, input, isEmpty: () => !input.value, value: () => chosen?.value, fault };
}

function attachment(spec, { id, page }) {
  const { store } = page;
  let file = null;
  const cards = el("span", { class: "file-cards" });
  const label = `${spec.name}: choose a file`;
  const input = fileInput({ label, accept: acceptOf(spec.file_types), take: ([taken]) => keep(taken) });
  input.id = id;
  const invitation = el("span", {}, "choose, drop or paste");
  const pick = el("label", { class: "file-pick", title: "Choose a file" }, input, icon("file"), invitation);
  const element = el("span", { class: "field-file" }, cards, pick);
  const keep = (taken) => {
    file = taken;
    cards.replaceChildren();
    if (file) cards.append(fileCard(file, store.uploadLimitBytes, () => keep(null)));
    pick.toggleAttribute("data-taken", Boolean(file));
    element.dispatchEvent(new Event("input", { bubbles: true }));
    input.focus();
  };
  takeDrops(element, ([taken]) => keep(taken));
  element.addEventListener("paste", (event) => {
    const [pasted] = filesIn(event.clipboardData);
    if (!pasted) return;
    event.preventDefault();
    keep(pasted);
  });
  return {
    element,
    input,
    isEmpty: () => !file,
    value: () => file,
    arrive: () => upload(file, store),
    fault: () => faultOf(file, store.uploadLimitBytes),
    take: keep,
  };
}
