/** Where one writes: messages with files, replies, changes of one's own messages, and slash commands. */

import { About } from "./about.js";
import { Suggestions } from "./autocomplete.js";
import { signButton } from "./buttons.js";
import { CommandForm } from "./command_form.js";
import { asCommand, matching, Offers } from "./commands.js";
import { completions } from "./completions.js";
import { el } from "./dom.js";
import { Drafts } from "./drafts.js";
import { fileInput, filesIn, ignoreStrayDrops, takeDrops, Tray } from "./files.js";
import { mountHint } from "./hint.js";
import { icon } from "./icons.js";
import { interactionsOf, use } from "./interactions.js";
import { toWords } from "./mentions.js";
import { channelName } from "./names.js";
import { faultIn, post } from "./sending.js";

const DM = 1;
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
  /** @type {CommandForm|null} the one that is shown */
  #form = null;

  constructor(container, page) {
    this.container = container;
    this.page = page;
    this.store = page.store;
    this.offers = new Offers(page);
    this.host = el("div", { class: "composer-suggestions" });
    this.said = el("p", { class: "composer-said", role: "alert" });
    this.about = new About(this.store, () => this.#end());
    this.tray = new Tray(this.store, { changed: (files) => this.#attach(files), refuse: (sentence) => this.refuse(sentence) });
    this.box = this.#box();
    container.classList.add("composer");
    container.append(this.said, this.about.element, this.tray.element, this.host, this.box);
    mountHint(container, page);
    this.suggestions = new Suggestions(this.input, this.host, this.#source());
    this.#listen();
    this.#show();
  }

  get #draft() {
    return this.#drafts.at(this.#place);
  }

  /** Answer a message. */
  reply(message) {
    const draft = this.#draft;
    if (draft.message.isBusy) {
      this.refuse(UNDER_WAY);
      return;
    }
    draft.message.reply = { message, ping: true };
    this.#goOn(draft.message);
  }

  /** Change an own message. What else was begun is there again afterwards. */
  edit(message) {
    const text = toWords(message.content, this.store);
    const begun = this.#draft.layers.find((layer) => layer.kind === "edit" && layer.message.id === message.id);
    this.#goOn(begun ?? { kind: "edit", said: "", isBusy: false, message, text, before: text });
  }

  /** Begin a command, by its whole name or by the beginning of it. */
  async command(name) {
    const commands = await this.offers.here().catch((refused) => this.refuse(refused.message));
    if (!commands) return;
    const found = commands.find((one) => one.name === name) ?? commands.find((one) => one.name.startsWith(`${name} `));
    if (found) this.#start(found);
    else this.refuse(`/${name} is not offered here.`);
  }

  focus() {
    (this.#form ?? this.input).focus();
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

  /** Say quietly what cannot be done; it belongs to what is written, and is said where that is shown. */
  refuse(sentence, layer = this.#draft.top) {
    layer.said = sentence;
    if (layer === this.#draft.top) this.said.textContent = sentence;
  }

  #box() {
    const attributes = { rows: 1, "aria-label": "Message", enterkeyhint: "send" };
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
    ignoreStrayDrops();
    document.addEventListener("paste", (event) => this.#paste(event));
    this.store.on("hello", () => this.#greet());
    for (const name of ["place", "channels"]) this.store.on(name, () => this.#show());
    this.store.on("guild", () => this.tray.refresh());
    this.store.on("message", ({ id, change }) => change === "gone" && this.#unlink(id));
  }

  #paste(event) {
    const files = filesIn(event.clipboardData);
    if (event.defaultPrevented || !files.length || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    this.takeFiles(files);
  }

  #source() {
    const { store, offers } = this;
    return completions(this.input, {
      store,
      offers,
      mayCommand: () => this.#draft.top.kind === "message",
      start: (command) => this.#start(command),
      fill: (text) => this.#fill(text),
    });
  }

  #slash() {
    this.input.focus();
    if (this.input.value && asCommand(this.input.value) === null) {
      this.refuse("Send what you have written first: a command begins with a slash.");
      return;
    }
    this.#fill("/");
    this.suggestions.look();
  }

  #fill(text) {
    this.input.value = text;
    this.#kept();
  }

  #typed() {
    this.refuse("");
    this.#kept();
    this.suggestions.look();
  }

  #kept() {
    this.#draft.top.text = this.input.value;
    this.#grow();
    this.#showSend();
  }

  #attach(files) {
    const { message } = this.#draft;
    message.files = files;
    this.refuse(faultIn(message, this.store) ?? "", message);
    this.#show();
  }

  #key(event) {
    if (event.defaultPrevented || event.isComposing) return;
    const isFree = this.about.element.hidden;
    if (event.key === "Enter" && !event.shiftKey) this.#submit();
    else if (event.key === "Escape" && (!isFree || this.#draft.layers.length > 1)) this.#escape();
    else if (event.key === "ArrowUp" && !this.input.value && isFree && this.#own()) this.edit(this.#own());
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
  #escape() {
    const { top } = this.#draft;
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

  /** Start the command that is typed; where there is none, the text is sent by who sends it once more. */
  async #isCommand(typed, layer) {
    const warning = `There is no command /${typed.trim()} here. Enter once more sends it as a message.`;
    if (layer.said === warning) return false;
    try {
      const [found] = matching(await this.offers.here(), typed);
      if (this.#draft.top !== layer || layer.text !== `/${typed}`) return true;
      if (found?.isMeant) this.#start(found.command);
      else this.refuse(warning);
    } catch (refused) {
      this.refuse(refused.message, layer);
    }
    return true;
  }

  async #send(layer) {
    const draft = this.#draft;
    const fault = faultIn(layer, this.store);
    this.refuse(fault ?? "", layer);
    if (fault) return;
    layer.isBusy = true;
    this.#show();
    try {
      await post(layer, this.#place, this.page);
      draft.end(layer);
    } catch (refused) {
      this.refuse(refused.message, layer);
    } finally {
      layer.isBusy = false;
      this.#show();
    }
  }

  #goOn(layer) {
    this.#draft.raise(layer);
    this.#show();
    this.focus();
  }

  /** Be through with the reply or the change that is shown. */
  #end() {
    const draft = this.#draft;
    const { message, top } = draft;
    if (top === message) message.reply = null;
    if (top !== message || (!message.text && !message.files.length)) draft.end(top);
    this.#show();
    this.focus();
  }

  #unlink(id) {
    this.#drafts.unlink(id);
    this.#show();
  }

  #start(command) {
    this.suggestions.close();
    const { message } = this.#draft;
    if (asCommand(message.text) !== null) Object.assign(message, { text: "", reply: null, said: "" });
    const layer = { kind: "command", said: "", isBusy: false };
    layer.form = new CommandForm(command, this.page, {
      host: this.host,
      send: (options) => this.#run(layer, options),
      leave: () => this.#through(layer),
      refuse: (sentence) => this.refuse(sentence, layer),
    });
    message.files = layer.form.takeFiles(message.files);
    this.#goOn(layer);
  }

  /** The composer is free again once the command is on its way; it comes back if the bot does not answer. */
  async #run(layer, options) {
    const { form } = layer;
    const me = this.#me;
    const { answered } = await use(this.page, "slash", { channel: form.channel, name: form.command.name, options });
    this.#through(layer);
    if ((await answered) || this.#me !== me) return;
    if (!this.store.channels.has(form.channel)) form.channel = this.#place;
    layer.said = `Nobody has answered /${form.command.name}. What you filled in is still here.`;
    this.#drafts.at(form.channel).takeBack(layer);
    this.#show();
  }

  #through(layer) {
    this.#drafts.at(layer.form.channel).end(layer);
    this.#show();
  }

  #grow() {
    this.input.style.setProperty("height", "auto");
    this.input.style.setProperty("height", `${this.input.scrollHeight}px`);
  }

  /** Show what is on top in the place that is open. */
  #show() {
    if (this.store.place && this.#place !== this.store.place) this.#move();
    const { top } = this.#draft;
    this.#showForm(top.form ?? null);
    this.about.show(top);
    this.tray.show(top.files ?? NONE);
    if (this.said.textContent !== top.said) this.said.textContent = top.said;
    this.#showBox(top);
    if (this.input.value === (top.text ?? "")) return;
    this.input.value = top.text ?? "";
    this.#grow();
    this.#showSend();
  }

  /** Whoever was writing goes on with what is shown instead. */
  #showForm(form) {
    if (form === this.#form) return;
    const isHere = document.activeElement === document.body || this.container.contains(document.activeElement);
    this.#form?.element.remove();
    this.host.replaceChildren();
    this.#form = form;
    if (form) this.box.after(form.element);
    this.box.hidden = Boolean(form);
    if (isHere) this.focus();
  }

  #showBox(top) {
    const { channel } = this.store;
    const maySend = Boolean(channel) && channel.may.send !== false;
    const isEdit = top.kind === "edit";
    this.input.disabled = !maySend;
    this.input.readOnly = top.isBusy;
    this.input.placeholder = maySend ? `Message ${placeName(this.store, channel)}` : "You may not write here";
    this.attach.hidden = isEdit || channel?.may.attach === false;
    this.slash.hidden = isEdit;
    this.send.toggleAttribute("data-busy", top.isBusy);
    this.#showSend();
  }

  /** Somebody else begins anew. */
  #greet() {
    if (this.#me !== this.store.me.id) this.#drafts.clear();
    this.#me = this.store.me.id;
    this.#show();
  }

  /** Each place keeps what was begun there, and what was begun in one that is gone comes along. */
  #move() {
    const from = this.#place;
    this.#place = this.store.place;
    this.suggestions.close();
    if (from && !this.store.channels.has(from)) this.#drafts.carry(from, this.#place);
  }

  #showSend() {
    const { top } = this.#draft;
    const isReady = Boolean(this.input.value.trim() || top.files?.length);
    this.send.disabled = top.isBusy || this.input.disabled || !isReady;
  }
}

const NONE = [];

function placeName(store, channel) {
  return `${channel.type === DM ? "@" : "#"}${channelName(store, channel)}`;
}
