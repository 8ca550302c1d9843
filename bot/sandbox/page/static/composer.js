/** Where one writes: messages with files, replies, changes of one's own messages, and slash commands. */

import { About } from "./about.js";
import { Suggestions } from "./autocomplete.js";
import { signButton } from "./buttons.js";
import { CommandForm } from "./command_form.js";
import { matching, Offers, typedWhole } from "./commands.js";
import { el } from "./dom.js";
import { faultOf, fileInput, filesIn, takeDrops, Tray, upload } from "./files.js";
import { mountHint } from "./hint.js";
import { icon } from "./icons.js";
import { interactionsOf, use } from "./interactions.js";
import { namesFor, toWire, toWords } from "./mentions.js";
import { channelName } from "./names.js";

const MAX_TEXT = 2000;
const COMMAND = /^\/[^\n/]*$/u;
const DM = 1;

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
  /** @type {CommandForm|null} */
  #form = null;
  #isBusy = false;
  /** What was begun, by place. */
  #drafts = new Map();
  #place = null;
  #me = null;

  constructor(container, page) {
    this.page = page;
    this.store = page.store;
    this.offers = new Offers(page);
    this.host = el("div", { class: "composer-suggestions" });
    this.said = el("p", { class: "composer-said", role: "alert" });
    this.about = new About(this.store, () => this.#end());
    this.tray = new Tray(this.store, { changed: () => this.#showSend(), refuse: (sentence) => this.refuse(sentence) });
    this.box = this.#box();
    container.classList.add("composer");
    container.append(this.said, this.about.element, this.tray.element, this.host, this.box);
    mountHint(container, page);
    this.suggestions = new Suggestions(this.input, this.host, this.#source());
    this.#listen();
    this.#show();
  }

  /** Answer a message. */
  reply(message) {
    this.#begin("reply", message);
  }

  /** Change an own message. */
  edit(message) {
    this.#begin("edit", message);
    this.#fill(toWords(message.content, this.store));
  }

  /** Begin a command, by its whole name or by the beginning of it. */
  async command(name) {
    const commands = await this.#commands();
    const found = commands.find((one) => one.name === name) ?? commands.find((one) => one.name.startsWith(`${name} `));
    if (found) this.#start(found);
    else this.refuse(`/${name} is not offered here.`);
  }

  focus() {
    (this.#form ?? this.input).focus();
  }

  /** Take files that were dropped or pasted somewhere on the page. */
  takeFiles(files) {
    if (this.#form) this.#form.takeFiles(files);
    else if (this.store.channel?.may.attach === false) this.refuse("Files may not be sent here.");
    else this.tray.add(files);
    this.focus();
  }

  /** Say quietly what cannot be done. */
  refuse(sentence) {
    this.said.textContent = sentence;
  }

  #box() {
    const attributes = { rows: 1, "aria-label": "Message", maxlength: MAX_TEXT * 2, enterkeyhint: "send" };
    this.input = el("textarea", { class: "composer-input", ...attributes });
    this.picker = fileInput({ label: "Files to send", multiple: true, take: (files) => this.takeFiles(files) });
    this.picker.tabIndex = -1;
    this.attach = signButton("plus", "Add files", () => this.picker.click());
    this.slash = signButton("slash", "Use a command", () => this.#slash());
    this.send = el("button", { class: "icon-button send-button", "aria-label": "Send", title: "Send" }, icon("send"));
    const parts = [this.attach, this.picker, this.input, this.slash, this.send];
    return el("form", { class: "composer-box", "aria-label": "Write" }, ...parts);
  }

  #listen() {
    this.input.addEventListener("input", () => this.#typed());
    this.input.addEventListener("keydown", (event) => this.#key(event));
    this.box.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    takeDrops(document.getElementById("main"), (files) => this.takeFiles(files));
    document.addEventListener("paste", (event) => this.#paste(event));
    this.store.on("hello", () => this.#greet());
    for (const name of ["place", "channels"]) this.store.on(name, () => this.#show());
    this.store.on("guild", () => this.tray.refresh());
    this.store.on("message", ({ id, change }) => change === "gone" && id === this.about.message?.id && this.#end());
  }

  #paste(event) {
    const files = filesIn(event.clipboardData);
    if (event.defaultPrevented || !files.length || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    this.takeFiles(files);
  }

  #source() {
    const composer = this;
    return {
      label: "Suggestions",
      isEager: true,
      get nothing() {
        return composer.input.value.startsWith("/") ? "No command fits." : undefined;
      },
      look: (typed) => (this.#isCommand(typed) ? this.#lookForCommands(typed.slice(1)) : this.#lookForNames(typed)),
      take: ({ value }) => (value.command ? this.#start(value.command) : this.#mention(value.name)),
    };
  }

  #isCommand(typed) {
    return this.about.kind !== "edit" && COMMAND.test(typed);
  }

  async #lookForCommands(typed) {
    const commands = await this.offers.here();
    const whole = typedWhole(commands, typed);
    if (whole) {
      this.#start(whole);
      return null;
    }
    return matching(commands, typed).map((command) => ({
      name: `/${command.name}`,
      hint: command.description,
      value: { command },
    }));
  }

  #lookForNames(typed) {
    const names = namesFor(typed.slice(0, this.input.selectionStart), this.store);
    return names.map((choice) => ({ ...choice, value: { name: choice.name } }));
  }

  #mention(name) {
    const { selectionStart: at, value } = this.input;
    const before = value.slice(0, at).replace(/@[^@]*$/u, `${name} `);
    this.#fill(before + value.slice(at));
    this.input.setSelectionRange(before.length, before.length);
  }

  #slash() {
    this.input.focus();
    this.input.value = "/";
    this.#typed();
  }

  #typed() {
    this.refuse("");
    this.#grow();
    this.#showSend();
    this.suggestions.look();
  }

  #key(event) {
    if (event.defaultPrevented || event.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey) this.#submit();
    else if (event.key === "Escape" && this.about.kind) this.#end();
    else if (event.key === "ArrowUp" && !this.input.value && !this.about.kind && this.#own()) this.edit(this.#own());
    else return;
    event.preventDefault();
  }

  /** The newest message of one's own that may be changed. */
  #own() {
    const { order, byId } = this.store.shelf(this.store.place);
    const messages = order.map((id) => byId.get(id));
    return messages.findLast(({ author, may }) => author.id === this.store.me.id && may.edit);
  }

  async #submit() {
    const text = this.input.value;
    if (this.#isBusy) return;
    if (this.#isCommand(text)) await this.#startTyped(text.slice(1));
    else if (text.trim() || this.tray.files.length) await this.#say(text);
  }

  async #startTyped(typed) {
    const [found] = matching(await this.#commands(), typed);
    if (found) this.#start(found);
    else this.refuse("There is no such command here.");
  }

  async #commands() {
    try {
      return await this.offers.here();
    } catch (refused) {
      this.refuse(refused.message);
      return [];
    }
  }

  async #say(text) {
    const fault = this.#fault(text);
    if (fault) {
      this.refuse(fault);
      return;
    }
    this.#busy(true);
    try {
      await this.#ask(toWire(text.trim(), this.store));
      this.tray.clear();
      this.#end();
      this.#fill("");
    } catch (refused) {
      this.refuse(refused.message);
    } finally {
      this.#busy(false);
    }
  }

  #fault(text) {
    const length = [...text].length;
    if (length > MAX_TEXT) return `A message has ${MAX_TEXT} characters at most; this has ${length}.`;
    return this.tray.files.map((file) => faultOf(file, this.store.uploadLimitBytes)).find(Boolean) ?? null;
  }

  async #ask(text) {
    const { live, store } = this.page;
    const channel = store.place;
    if (this.about.kind === "edit") return live.ask("edit", { channel, message: this.about.message.id, text });
    const { reply } = this.about;
    const files = await Promise.all(this.tray.files.map((file) => upload(file, store)));
    return live.ask("send", { channel, text, files, ...reply });
  }

  #begin(kind, message) {
    this.#end();
    this.#leave();
    this.about.begin(kind, message);
    this.#show();
    this.input.focus();
  }

  #end() {
    const wasEdit = this.about.kind === "edit";
    this.about.clear();
    if (wasEdit) this.#fill("");
    this.#show();
  }

  #start(command) {
    this.suggestions.close();
    if (this.about.kind === "edit") this.#end();
    this.#fill("");
    this.#leave();
    this.#form = new CommandForm(command, this.page, {
      host: this.host,
      send: (options) => this.#run(command, options),
      leave: () => {
        this.#leave();
        this.input.focus();
      },
      refuse: (sentence) => this.refuse(sentence),
    });
    this.box.after(this.#form.element);
    this.#form.takeFiles(this.tray.files);
    this.tray.clear();
    this.#show();
    this.#form.focus();
  }

  /** The composer is free again once the command is on its way; what comes of it is seen among the messages. */
  async #run(command, options) {
    await use(this.page, "slash", { channel: this.store.place, name: command.name, options });
    this.#leave();
    this.input.focus();
  }

  #leave() {
    this.#form?.element.remove();
    this.#form = null;
    this.refuse("");
    this.#show();
  }

  #busy(isBusy) {
    this.#isBusy = isBusy;
    this.input.readOnly = isBusy;
    this.send.toggleAttribute("data-busy", isBusy);
    this.#showSend();
  }

  #fill(text) {
    this.input.value = text;
    this.#grow();
    this.#showSend();
  }

  #grow() {
    this.input.style.setProperty("height", "auto");
    this.input.style.setProperty("height", `${this.input.scrollHeight}px`);
  }

  #show() {
    if (this.#place !== this.store.place) this.#move();
    const { channel } = this.store;
    const maySend = Boolean(channel) && channel.may.send !== false;
    const isEdit = this.about.kind === "edit";
    this.box.hidden = Boolean(this.#form);
    this.input.disabled = !maySend;
    this.input.placeholder = maySend ? `Message ${placeName(this.store, channel)}` : "You may not write here";
    this.attach.hidden = isEdit || channel?.may.attach === false;
    this.slash.hidden = isEdit;
    this.#showSend();
  }

  /** Somebody else begins anew. */
  #greet() {
    if (this.#me !== this.store.me.id) {
      this.#move();
      this.#drafts.clear();
      this.tray.clear();
      this.#fill("");
    }
    this.#me = this.store.me.id;
    this.#show();
  }

  /** Each place keeps what was begun there. */
  #move() {
    const text = this.about.kind === "edit" ? "" : this.input.value;
    this.#drafts.set(this.#place, { text, files: this.tray.files });
    this.#place = this.store.place;
    this.about.clear();
    this.#form?.element.remove();
    this.#form = null;
    this.suggestions.close();
    const begun = this.#drafts.get(this.#place) ?? { text: "", files: [] };
    this.#fill(begun.text);
    this.tray.keep(begun.files);
  }

  #showSend() {
    const isReady = Boolean(this.input.value.trim() || this.tray.files.length);
    this.send.disabled = this.#isBusy || this.input.disabled || !isReady;
  }
}

function placeName(store, channel) {
  return `${channel.type === DM ? "@" : "#"}${channelName(store, channel)}`;
}
