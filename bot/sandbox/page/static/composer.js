/** Where one writes: messages with files, replies, changes of one's own messages, and slash commands. */

import { About } from "./about.js";
import { Suggestions } from "./autocomplete.js";
import { Box } from "./box.js";
import { CommandUse } from "./command_use.js";
import { asCommand } from "./commands.js";
import { completions } from "./completions.js";
import { el } from "./dom.js";
import { Drafts } from "./drafts.js";
import { ignoreStrayDrops, takeDrops, takePastes, Tray } from "./files.js";
import { mountHint } from "./hint.js";
import { interactionsOf } from "./interactions.js";
import { toWords } from "./mentions.js";
import { faultIn, post } from "./sending.js";

const NONE = [];
const UNDER_WAY = "Your message is still on its way. Wait a moment.";

/**
 * @param {HTMLElement} container
 * @param {import("./app.js").Page} page gets its `composer`
 */
export function mountComposer(container, page) {
  interactionsOf(page);
  const composer = new Composer(container, page);
  page.composer = composer;
  page.hooks.command = (name) => composer.command(name);
  page.hooks.reply = (message) => composer.reply(message);
}

/** The one place where something is written; whoever else wants to begin it calls it. */
export class Composer {
  #drafts = new Drafts();
  #place = null;
  #me = null;
  /** @type {import("./command_form.js").CommandForm|null} the one that is shown */
  #form = null;

  constructor(container, page) {
    this.container = container;
    this.page = page;
    this.store = page.store;
    const refuse = (sentence, layer) => this.refuse(sentence, layer);
    this.host = el("div", { class: "composer-suggestions" });
    this.said = el("p", { class: "composer-said", role: "alert" });
    this.commands = new CommandUse(page, this.host, this.#drafts, { show: () => this.#show(), refuse });
    this.about = new About(this.store, () => this.#end());
    this.tray = new Tray(this.store, { changed: (files) => this.#keepFiles(files), refuse });
    this.box = new Box(this.store, {
      typed: (text) => this.#typed(text),
      key: (event) => this.#key(event),
      submit: () => this.#submit(),
      slash: () => this.#slash(),
      take: (files) => this.takeFiles(files),
    });
    container.classList.add("composer");
    container.append(this.said, this.about.element, this.tray.element, this.host, this.box.element);
    mountHint(container, page);
    this.suggestions = new Suggestions(this.box.input, this.host, this.#source());
    this.#listen();
    this.#show();
  }

  get #draft() {
    return this.#drafts.at(this.#place);
  }

  /** Answer a message. */
  reply(message) {
    const written = this.#draft.message;
    if (written.isBusy) {
      this.refuse(UNDER_WAY);
      return;
    }
    written.reply = { message, ping: true };
    this.#goOn(written);
  }

  /** Change an own message. What else was begun is there again afterwards. */
  edit(message) {
    const text = toWords(message.content, this.store);
    const begun = this.#draft.layers.find((layer) => layer.kind === "edit" && layer.message.id === message.id);
    this.#goOn(begun ?? { kind: "edit", said: "", isBusy: false, message, text, before: text });
  }

  /** Begin a command, by its whole name or by the beginning of it. */
  async command(name) {
    try {
      const found = await this.commands.named(name);
      if (found) this.#start(found);
      else this.refuse(`/${name} is not offered here.`);
    } catch (refused) {
      this.refuse(refused.message);
    }
  }

  focus() {
    (this.#form ?? this.box).focus();
  }

  /** Take files that were dropped or pasted somewhere on the page. */
  takeFiles(files) {
    const { top } = this.#draft;
    if (top.form) top.form.takeFiles(files);
    else if (top.kind === "edit") this.refuse("A message that is changed takes no more files.");
    else if (this.store.channel?.may.attach === false) this.refuse("Files may not be sent here.");
    else if (top.isBusy) this.refuse(UNDER_WAY);
    else this.tray.add(files);
    this.focus();
  }

  /** Say quietly what cannot be done. It belongs to what is written, and is said where that is shown. */
  refuse(sentence, layer = this.#draft.top) {
    layer.said = sentence;
    if (layer === this.#draft.top) this.said.textContent = sentence;
  }

  #listen() {
    takeDrops(document.getElementById("main"), (files) => this.takeFiles(files));
    ignoreStrayDrops();
    takePastes((files) => this.takeFiles(files));
    this.store.on("hello", () => this.#greet());
    for (const name of ["place", "channels", "guild"]) this.store.on(name, () => this.#show());
    this.store.on("guild", () => this.tray.refresh());
    this.store.on("message", ({ id, change }) => change === "gone" && this.#unlink(id));
  }

  #source() {
    return completions(this.box.input, {
      store: this.store,
      offers: this.commands.offers,
      mayCommand: () => this.#draft.top.kind === "message",
      start: (command) => this.#start(command),
      fill: (text) => this.#keepText(text),
    });
  }

  #slash() {
    const { message } = this.#draft;
    this.focus();
    if (message.text && asCommand(message.text) === null) {
      this.refuse("Send what you have written first: a command begins with a slash.");
    } else {
      this.#keepText("/");
      this.suggestions.look();
    }
  }

  #typed(text) {
    this.refuse("");
    this.#keepText(text);
    this.suggestions.look();
  }

  #keepText(text) {
    const { top } = this.#draft;
    top.text = text;
    this.box.show(top);
  }

  #keepFiles(files) {
    const { top: message } = this.#draft;
    message.files = files;
    this.refuse(faultIn(message, this.store) ?? "", message);
    this.#show();
  }

  #key(event) {
    if (event.defaultPrevented || event.isComposing) return;
    const { top, layers } = this.#draft;
    const isPlain = top.kind === "message" && !top.reply;
    const own = isPlain && !top.text && this.#own();
    if (event.key === "Enter" && !event.shiftKey) this.#submit();
    else if (event.key === "Escape" && (!isPlain || layers.length > 1)) this.#escape(top);
    else if (event.key === "ArrowUp" && own) this.edit(own);
    else return;
    event.preventDefault();
  }

  /** The newest message of one's own that may be changed. */
  #own() {
    const { order, byId } = this.store.shelf(this.store.place);
    const messages = order.map((id) => byId.get(id));
    return messages.findLast(({ author, may }) => author.id === this.store.me.id && may.edit);
  }

  /** What was changed is given up only by who means it. */
  #escape(top) {
    const warning = "Escape once more leaves your message as it was.";
    if (top.kind === "edit" && top.text !== top.before && top.said !== warning) this.refuse(warning);
    else this.#end();
  }

  async #submit() {
    const { top } = this.#draft;
    if (top.isBusy || top.form) return;
    const typed = top.kind === "message" ? asCommand(top.text) : null;
    if (typed !== null && (await this.#isCommand(typed, top))) return;
    if (top.text.trim() || top.files?.length) await this.#send(top);
  }

  /** Start the command that is typed. Where there is none, who sends the text once more means it as it is. */
  async #isCommand(typed, layer) {
    const warning = `There is no command /${typed.trim()} here. Enter once more sends it as a message.`;
    if (layer.said === warning) return false;
    this.suggestions.close();
    try {
      const found = await this.commands.named(typed);
      if (this.#draft.top !== layer || asCommand(layer.text) !== typed) return true;
      if (found) this.#start(found);
      else this.refuse(warning);
    } catch (refused) {
      this.refuse(refused.message, layer);
    }
    return true;
  }

  async #send(layer) {
    const fault = faultIn(layer, this.store);
    this.refuse(fault ?? "", layer);
    if (fault) return;
    layer.isBusy = true;
    this.#show();
    try {
      await post(layer, this.#place, this.page);
      this.#drafts.end(layer);
    } catch (refused) {
      this.refuse(refused.message, layer);
    } finally {
      layer.isBusy = false;
      this.#show();
    }
  }

  #start(command) {
    const { message } = this.#draft;
    this.suggestions.close();
    if (asCommand(message.text) !== null) Object.assign(message, { text: "", reply: null, said: "" });
    this.#goOn(this.commands.begin(command));
  }

  #goOn(layer) {
    this.#draft.raise(layer);
    this.#show();
    this.focus();
  }

  /** Be through with the reply or the change that is shown. */
  #end() {
    const draft = this.#draft;
    const { top } = draft;
    const isMessage = top.kind === "message";
    if (isMessage) top.reply = null;
    if (!isMessage || (!top.text && !top.files.length)) draft.end(top);
    this.#show();
    this.focus();
  }

  /** Show what is on top in the place that is open. */
  #show() {
    if (this.store.place && this.#place !== this.store.place) this.#move();
    const { top } = this.#draft;
    if (this.said.textContent !== top.said) this.said.textContent = top.said;
    this.about.show(top);
    this.tray.show(top.files ?? NONE);
    this.box.show(top);
    this.#showForm(top.form ?? null);
  }

  /** Whoever was writing goes on with what is shown instead. */
  #showForm(form) {
    if (form === this.#form) return;
    const isHere = document.activeElement === document.body || this.container.contains(document.activeElement);
    this.#form?.element.remove();
    this.host.replaceChildren();
    this.#form = form;
    if (form) this.box.element.after(form.element);
    if (isHere) this.focus();
  }

  /** Each place keeps what was begun there, and what was begun in one that is gone comes along. */
  #move() {
    const from = this.#place;
    this.#place = this.store.place;
    this.suggestions.close();
    if (from && !this.store.channels.has(from)) this.#drafts.carry(from, this.#place);
  }

  /** Somebody else begins anew. */
  #greet() {
    if (this.#me !== this.store.me.id) this.#drafts.clear();
    this.#me = this.store.me.id;
    this.#show();
  }

  #unlink(id) {
    this.#drafts.unlink(id);
    this.#show();
  }
}
