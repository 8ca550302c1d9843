/** The form that a chosen slash command becomes. */

import { signButton } from "./buttons.js";
import { el } from "./dom.js";
import { fieldOf, FILE } from "./fields.js";
import { icon } from "./icons.js";

/** A command with its options as fields, in the composer's place. */
export class CommandForm {
  #fields = new Map();
  #isBusy = false;
  #isWarned = false;

  /**
   * @param {import("./commands.js").Command} command
   * @param {import("./app.js").Page} page
   * @param {{host: HTMLElement, send: (values: Object<string, any>) => Promise<void>, leave: () => void,
   *   refuse: (sentence: string) => void}} use `send` gets the values by option, files as tickets
   */
  constructor(command, page, use) {
    this.command = command;
    this.page = page;
    /** Id of the channel where the command is used. */
    this.channel = page.store.place;
    this.use = use;
    this.help = el("p", { class: "command-help", id: "command-help" });
    this.row = el("div", { class: "command-fields" });
    this.more = el("div", { class: "command-more", role: "group", "aria-label": "Options to add" });
    this.button = el("button", { class: "icon-button send-button", "aria-label": `Send /${command.name}` }, icon("send"));
    const leave = signButton("close", "Leave the command", use.leave);
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

  /**
   * Take files that were dropped or pasted into the fields that are free for them.
   *
   * @param {File[]} files
   * @returns {File[]} those that there is no field for
   */
  takeFiles(files) {
    const wanted = this.command.options.filter((option) => option.type === FILE);
    const free = wanted.filter((option) => this.#fields.get(option.name)?.isEmpty ?? true);
    free.slice(0, files.length).forEach((spec, index) => (this.#fields.get(spec.name) ?? this.#add(spec)).take(files[index]));
    this.#showMore();
    const left = files.slice(free.length);
    if (left.length) this.use.refuse(wanted.length ? "This command takes no more files." : "This command takes no files.");
    return left;
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
    if (event.key === "Escape") this.#escape();
    else if (event.key === "Backspace" && field && !field.spec.required && field.isBlank) this.#drop(field);
    else if (event.key === "Enter" && !event.shiftKey && field && !field.opensByEnter(event.target)) this.#send();
    else return;
    event.preventDefault();
  }

  /** What was filled in is given up only by who means it. */
  #escape() {
    if (this.#isWarned || [...this.#fields.values()].every((field) => field.isBlank)) {
      this.use.leave();
      return;
    }
    this.#isWarned = true;
    this.use.refuse(`Escape once more leaves /${this.command.name}; what you filled in is lost then.`);
    const stay = () => {
      this.#isWarned = false;
      this.use.refuse("");
    };
    this.element.addEventListener("input", stay, { once: true });
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
    const buttons = open.map((spec) => {
      const act = { click: () => this.#more(spec) };
      return el("button", { type: "button", class: "chip", title: spec.description, on: act }, `+ ${spec.name}`);
    });
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
    const { channel, command } = this;
    return this.page.live.ask("complete", { channel, name: command.name, options, focused: spec.name, value: typed });
  }

  async #send() {
    if (this.#isBusy || !this.#passes()) return;
    this.#isWarned = false;
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
