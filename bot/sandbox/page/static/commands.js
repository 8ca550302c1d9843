/** Slash commands as bots have registered them, and the form that a chosen one becomes. */

import { el } from "./dom.js";
import { fieldOf, FILE } from "./fields.js";
import { icon } from "./icons.js";

const SUB = 1;
const GROUP = 2;

/**
 * One command that can be used: with its sub-commands it has one name.
 *
 * @typedef {Object} Command
 * @property {string} name "quota me"
 * @property {string} description
 * @property {Object[]} options as registered
 * @property {string} app id of the application
 */

/**
 * @param {Object[]} registered Discord's command objects
 * @returns {Command[]} by name
 */
export function flatten(registered) {
  const found = registered.flatMap((command) => leaves(command, "", command.application_id));
  return found.sort((one, other) => one.name.localeCompare(other.name));
}

function leaves({ name, description, options = [] }, before, app) {
  const whole = `${before}${name}`;
  const inner = options.filter((option) => option.type === SUB || option.type === GROUP);
  if (inner.length) return inner.flatMap((option) => leaves(option, `${whole} `, app));
  return [{ name: whole, description, options, app }];
}

/**
 * @param {Command[]} commands
 * @param {string} typed without the slash
 * @returns {Command[]} those that fit, the best first
 */
export function matching(commands, typed) {
  const wanted = typed.trim().toLowerCase().replace(/\s+/g, " ");
  const ranked = commands.map((command) => ({ command, rank: rank(command, wanted) })).filter(({ rank }) => rank < 4);
  return ranked.sort((one, other) => one.rank - other.rank).map(({ command }) => command);
}

function rank({ name, description }, wanted) {
  if (name === wanted) return 0;
  if (name.startsWith(wanted)) return 1;
  if (name.split(" ").some((word) => word.startsWith(wanted))) return 2;
  return wanted.length > 2 && description.toLowerCase().includes(wanted) ? 3 : 4;
}

/** What bots offer in each place; asked once, and anew when a bot has registered anew or roles have changed. */
export class Offers {
  #asked = new Map();

  /** @param {import("./app.js").Page} page */
  constructor({ live, store }) {
    this.live = live;
    this.store = store;
    for (const name of ["commands", "guild", "application", "hello", "channel"]) live.on(name, () => this.#asked.clear());
  }

  /** @returns {Promise<Command[]>} what this person may use in the open channel */
  here() {
    const channel = this.store.place;
    if (!this.#asked.has(channel)) this.#asked.set(channel, this.#ask(channel));
    return this.#asked.get(channel);
  }

  async #ask(channel) {
    try {
      const { commands } = await this.live.ask("offer", { channel });
      return flatten(commands);
    } catch (refused) {
      this.#asked.delete(channel);
      throw refused;
    }
  }
}

/** A command with its options as fields, in the composer's place. */
export class CommandForm {
  #fields = new Map();
  #isBusy = false;

  /**
   * @param {Command} command
   * @param {import("./app.js").Page} page
   * @param {{host: HTMLElement, send: (values: Object<string, any>) => Promise<void>, leave: () => void,
   *   refuse: (sentence: string) => void}} use `send` gets the values by option, files as tickets
   */
  constructor(command, page, use) {
    this.command = command;
    this.page = page;
    this.use = use;
    this.help = el("p", { class: "command-help", id: "command-help" });
    this.row = el("div", { class: "command-fields" });
    this.more = el("div", { class: "command-more", role: "group", "aria-label": "Options to add" });
    this.button = el("button", { class: "icon-button send-button", "aria-label": `Send /${command.name}` }, icon("send"));
    const leave = el("button", { type: "button", class: "icon-button", "aria-label": "Leave the command", on: { click: use.leave } }, icon("close"));
    this.element = el(
      "form",
      { class: "composer-box command-form", "aria-label": `Command /${command.name}`, autocomplete: "off" },
      el("div", { class: "command-head" }, el("span", { class: "command-name" }, `/${command.name}`), this.help),
      this.row,
      el("div", { class: "command-foot" }, this.more, leave, this.button),
    );
    this.#listen();
    for (const spec of command.options.filter((option) => option.required)) this.#add(spec);
    this.#showMore();
    this.#describe(null);
  }

  /** Go to the first field, or to the button that sends where there is none. */
  focus() {
    ([...this.#fields.values()][0] ?? { focus: () => this.button.focus() }).focus();
  }

  /** Take files that were dropped or pasted into the fields that are free for them. */
  takeFiles(files) {
    const wanted = this.command.options.filter((option) => option.type === FILE);
    for (const file of files) {
      const spec = wanted.find((option) => this.#fields.get(option.name)?.isEmpty ?? true);
      if (!spec) return this.use.refuse(wanted.length ? "All files of this command are chosen already." : "This command takes no files.");
      const field = this.#fields.get(spec.name) ?? this.#add(spec);
      field.take(file);
    }
    return this.#showMore();
  }

  #listen() {
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    this.element.addEventListener("focusin", (event) => this.#describe(this.#fieldAt(event.target)));
    this.element.addEventListener("keydown", (event) => this.#key(event));
  }

  #fieldAt(element) {
    return [...this.#fields.values()].find((field) => field.element.contains(element)) ?? null;
  }

  #key(event) {
    if (event.defaultPrevented || event.isComposing) return;
    const field = this.#fieldAt(event.target);
    if (event.key === "Escape") this.use.leave();
    else if (event.key === "Backspace" && field && !field.spec.required && field.isBlank) this.#drop(field);
    else if (event.key === "Enter" && !event.shiftKey && field && !field.opensByEnter(event.target)) this.#send();
    else return;
    event.preventDefault();
  }

  #describe(field) {
    const said = field ? `${field.spec.name}: ${field.spec.description}` : this.command.description;
    this.help.textContent = said;
  }

  #add(spec) {
    const field = fieldOf(spec, {
      page: this.page,
      host: this.use.host,
      complete: (typed) => this.#complete(spec, typed),
      remove: spec.required ? null : () => this.#drop(field),
    });
    this.#fields.set(spec.name, field);
    this.row.append(field.element);
    return field;
  }

  #drop(field) {
    const names = [...this.#fields.keys()];
    const before = this.#fields.get(names[names.indexOf(field.spec.name) - 1]);
    this.#fields.delete(field.spec.name);
    field.element.remove();
    this.#showMore();
    (before ?? { focus: () => this.more.querySelector("button")?.focus() }).focus();
  }

  #showMore() {
    const open = this.command.options.filter((option) => !this.#fields.has(option.name));
    const buttons = open.map((spec) =>
      el("button", { type: "button", class: "chip", title: spec.description, on: { click: () => this.#more(spec) } }, `+ ${spec.name}`),
    );
    this.more.replaceChildren(...buttons);
  }

  #more(spec) {
    const field = this.#add(spec);
    this.#showMore();
    field.focus();
  }

  async #complete(spec, typed) {
    const options = {};
    for (const field of this.#fields.values()) {
      const value = field.spec === spec || field.spec.type === FILE ? undefined : field.plainValue();
      if (value !== undefined && !field.fault()) options[field.spec.name] = value;
    }
    const { name } = this.command;
    return this.page.live.ask("complete", { channel: this.page.store.place, name, options, focused: spec.name, value: typed });
  }

  async #send() {
    if (this.#isBusy || !this.#passes()) return;
    this.#busy(true);
    try {
      const values = {};
      for (const { spec, value } of await Promise.all([...this.#fields.values()].map(valueOf))) {
        if (value !== undefined) values[spec.name] = value;
      }
      await this.use.send(values);
    } catch (refused) {
      this.use.refuse(refused.message);
    } finally {
      this.#busy(false);
    }
  }

  #passes() {
    const wrong = [...this.#fields.values()].filter((field) => !field.check());
    if (!wrong.length) return true;
    this.use.refuse(wrong[0].fault());
    wrong[0].focus();
    return false;
  }

  #busy(isBusy) {
    this.#isBusy = isBusy;
    this.button.disabled = isBusy;
    this.button.toggleAttribute("data-busy", isBusy);
  }
}

async function valueOf(field) {
  return { spec: field.spec, value: await field.value() };
}
