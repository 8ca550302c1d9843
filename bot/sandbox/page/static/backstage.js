/** The drawer “What if…”: what may go wrong, what the bot promises then, and the books beside it. */

import { eachFrame, el, patch } from "./dom.js";
import { THREADS } from "./store.js";

/**
 * @typedef {Object} Backstage what the sandbox says of it: see `bot/sandbox/page/backstage.py`
 * @property {{title: string, switches: Object[]}[]} groups
 * @property {{text: string, is_good: boolean}[]} status
 * @property {{text: string, is_good: boolean}[]} promises
 * @property {Object[]} tables
 */

/**
 * Whoever has the button shows and hides the container; the drawer follows.
 *
 * @param {HTMLElement} container
 * @param {import("./store.js").Store} store
 * @param {import("./live.js").Live} live
 */
export function mountBackstage(container, store, live) {
  new Drawer(container, store, live);
}

class Drawer {
  /** @type {Backstage|null} */
  #known = null;
  #root = el("div", { class: "backstage" });
  #complaint = el("p", { class: "backstage-complaint", role: "alert" });
  #draw = eachFrame(() => this.#drawNow());

  constructor(container, store, live) {
    this.container = container;
    this.store = store;
    this.live = live;
    container.append(this.#root);
    container.addEventListener("click", (event) => this.#clicked(event));
    container.addEventListener("change", (event) => this.#changed(event));
    container.addEventListener("keydown", (event) => event.key === "Escape" && this.#leave(event));
    new MutationObserver(() => this.#follow()).observe(container, { attributeFilter: ["hidden"] });
    live.on("hello", (event) => this.#greet(event));
    live.on("backstage", (event) => this.#show(event.backstage));
    store.on("place", this.#draw);
    store.on("channels", ({ id }) => id === store.place && this.#draw());
  }

  get #isOpen() {
    return !this.container.hidden;
  }

  #greet(hello) {
    this.#show(hello.backstage);
    if (this.#isOpen) this.#watch(true);
  }

  #follow() {
    if (this.#isOpen) {
      this.#drawNow();
      this.#root.querySelector("h2")?.focus();
    }
    this.#watch(this.#isOpen);
  }

  async #watch(open) {
    const said = await this.#ask("backstage", { open });
    if (open && said) this.#show(said);
  }

  async #ask(verb, fields) {
    try {
      const value = await this.live.ask(verb, fields);
      this.#complaint.textContent = "";
      return value;
    } catch (refused) {
      this.#complaint.textContent = refused.message;
      return undefined;
    }
  }

  #show(description) {
    this.#known = description;
    this.#draw();
  }

  #leave(event) {
    event.preventDefault();
    event.stopPropagation();
    this.container.hidden = true;
  }

  #clicked(event) {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.closes !== undefined) this.#leave(event);
    else if (button.dataset.switch) this.#press(button);
  }

  #press(button) {
    const value = button.dataset.thread === undefined ? null : this.store.place;
    this.#ask("set", { switch: button.dataset.switch, value });
  }

  async #changed({ target }) {
    if (!target.dataset.switch) return;
    const value = target.type === "checkbox" ? target.checked : target.value;
    await this.#ask("set", { switch: target.dataset.switch, value });
    this.#settle();
  }

  #drawNow() {
    if (!this.#isOpen) return;
    patch(this.#root, this.#view());
    const place = this.#root.querySelector(".backstage-said");
    if (!place.contains(this.#complaint)) place.append(this.#complaint);
    this.#settle();
  }

  /** Let controls be as the sandbox says, whatever was done with them meanwhile. */
  #settle() {
    for (const { name, value } of (this.#known?.groups ?? []).flatMap((group) => group.switches)) {
      const control = this.#root.querySelector(`[data-switch="${name}"]`);
      if (control?.type === "checkbox") control.checked = value;
      else if (control?.nodeName === "SELECT" && control.value !== value) control.value = value;
    }
  }

  #view() {
    const known = this.#known ?? { groups: [], status: [], promises: [], tables: [] };
    const inThread = THREADS.has(this.store.channel?.type);
    return el(
      "div",
      { class: "backstage" },
      head(),
      el("p", { class: "backstage-lede" }, "Let things go wrong, and watch what the bot makes of it."),
      lines([...known.status, ...known.promises]),
      known.groups.map((group) => groupView(group, inThread)),
      known.tables.map(tableView),
    );
  }
}

function head() {
  return el(
    "header",
    { class: "backstage-head" },
    el("h2", { tabindex: "-1" }, "What if…"),
    el("button", { type: "button", class: "icon-button", "aria-label": "Close", dataset: { closes: "" } }, "✕"),
    el("div", { class: "backstage-said", dataset: { whole: "said" } }),
  );
}

function lines(said) {
  const props = { class: "backstage-lines", "aria-label": "How it stands", hidden: said.length === 0 };
  return el("ul", props, said.map(lineView));
}

function lineView({ text, is_good: isGood }) {
  const mark = el("span", { class: "backstage-mark", role: "img", "aria-label": isGood ? "Good:" : "Not good:" });
  mark.append(isGood ? "✓" : "✕");
  return el("li", { dataset: { good: isGood } }, mark, el("span", { class: "backstage-text" }, text));
}

function groupView({ title, switches }, inThread) {
  const hint = switches.some((one) => one.acts_on_thread) && !inThread;
  return el(
    "section",
    { class: "backstage-group" },
    el("h3", {}, title),
    switches.map((one) => switchView(one, inThread)),
    hint && el("p", { class: "backstage-hint" }, "Open a thread to archive, lock or delete it."),
  );
}

function switchView(one, inThread) {
  const promise = `${one.name}-promise`;
  const props = { id: one.name, "aria-describedby": promise, dataset: { switch: one.name } };
  const make = { toggle: toggleView, choice: choiceView, press: pressView }[one.kind];
  return el(
    "div",
    { class: `backstage-switch backstage-${one.kind}`, dataset: { key: one.name } },
    make(one, props, inThread),
    el("p", { id: promise, class: "backstage-promise" }, one.promise),
  );
}

function toggleView(one, props) {
  return el(
    "label",
    {},
    el("input", { ...props, type: "checkbox", role: "switch" }),
    el("span", { class: "backstage-label" }, one.label),
  );
}

function choiceView(one, props) {
  const options = one.choices.map(({ value, label }) => el("option", { value }, label));
  return el(
    "label",
    {},
    el("span", { class: "backstage-label" }, one.label),
    el("select", props, options),
  );
}

function pressView(one, props, inThread) {
  const disabled = one.acts_on_thread && !inThread;
  const dataset = one.acts_on_thread ? { ...props.dataset, thread: "" } : props.dataset;
  return el("button", { ...props, dataset, type: "button", class: "button secondary", disabled }, one.label);
}

function tableView({ name, title, empty, columns, rows }) {
  const heading = `backstage-${name}`;
  const shown = rows.length === 0 ? el("p", { class: "backstage-hint" }, empty) : gridView(heading, columns, rows);
  return el("section", { class: "backstage-table", dataset: { key: name } }, el("h3", { id: heading }, title), shown);
}

function gridView(heading, columns, rows) {
  const names = columns.map((column) => el("th", { scope: "col" }, column));
  const body = rows.map((row) => el("tr", {}, row.map(cellView)));
  return el(
    "div",
    { class: "backstage-scroll", role: "region", tabindex: "0", "aria-labelledby": heading },
    el("table", { "aria-labelledby": heading }, el("thead", {}, el("tr", {}, names)), el("tbody", {}, body)),
  );
}

function cellView(cell) {
  if (typeof cell !== "object") return el("td", {}, String(cell));
  const moment = new Date(cell.at_ms);
  const shown = moment.toLocaleTimeString("en-GB");
  return el("td", {}, el("time", { datetime: moment.toISOString() }, shown));
}
