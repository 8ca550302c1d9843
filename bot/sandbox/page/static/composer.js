/** Where one writes: messages with files, replies, changes of one's own messages, and slash commands. */

import { Suggestions } from "./autocomplete.js";
import { CommandForm, matching, Offers } from "./commands.js";
import { el } from "./dom.js";
import { entities, fitting } from "./entities.js";
import { faultOf, fileInput, filesIn, takeDrops, Tray, upload } from "./files.js";
import { mountHint } from "./hint.js";
import { icon } from "./icons.js";
import { interactionsOf, use } from "./interactions.js";
import { channelName, nameOf } from "./names.js";
import { snippet } from "./rows.js";

const MAX_TEXT = 2000;
const MOST_SHOWN = 12;
const WORD = /(?:^|\s)@([\p{L}\p{N}_.-]*)$/u;
const DM = 1;

/**
 * @param {HTMLElement} container
 * @param {import("./app.js").Page} page `page.composer` is set
 */
export function mountComposer(container, page) {
  interactionsOf(page);
  const composer = new Composer(container, page);
  page.composer = composer;
  page.hooks.command = (name) => composer.command(name);
  page.hooks.reply = (message) => composer.reply(message);
}

class Composer {
  /** What is being done besides writing: {kind: "reply"|"edit", message, ping} or null. */
  #about = null;
  /** @type {CommandForm|null} */
  #form = null;
  #isBusy = false;
  #drafts = new Map();
  #place = null;
  #me = null;

  constructor(container, page) {
    this.page = page;
    this.store = page.store;
    this.offers = new Offers(page);
    this.host = el("div", { class: "composer-suggestions" });
    this.said = el("p", { class: "composer-said", role: "alert" });
    this.bar = el("div", { class: "composer-bar", hidden: true });
    this.tray = new Tray(this.store, { changed: () => this.#showSend(), refuse: (sentence) => this.refuse(sentence) });
    this.box = this.#box();
    container.classList.add("composer");
    container.append(this.said, this.bar, this.tray.element, this.host, this.box);
    mountHint(container, page);
    this.suggestions = new Suggestions(this.input, this.host, this.#source());
    this.#listen();
    this.#show();
  }

  /** Answer a message. */
  reply(message) {
    this.#begin({ kind: "reply", message, ping: true });
  }

  /** Change an own message. */
  edit(message) {
    this.#begin({ kind: "edit", message });
    this.input.value = this.#readable(message.content);
    this.#grow();
    this.#showSend();
  }

  /** Begin a command, by its whole name. */
  async command(name) {
    const commands = await this.#commands();
    const found = commands.find((command) => command.name === name) ?? commands.find((command) => command.name.startsWith(`${name} `));
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

  /** Say quietly what cannot be done; nothing takes the line away. */
  refuse(sentence) {
    this.said.textContent = sentence;
  }

  #box() {
    this.input = el("textarea", { class: "composer-input", rows: 1, "aria-label": "Message", maxlength: MAX_TEXT * 2 });
    this.picker = fileInput({ label: "Files to send", multiple: true, take: (files) => this.takeFiles(files) });
    this.picker.tabIndex = -1;
    this.attach = el("button", { type: "button", class: "icon-button", "aria-label": "Add files", title: "Add files", on: { click: () => this.picker.click() } }, icon("plus"));
    this.slash = el("button", { type: "button", class: "icon-button", "aria-label": "Use a command", title: "Use a command", on: { click: () => this.#slash() } }, icon("slash"));
    this.send = el("button", { class: "icon-button send-button", "aria-label": "Send", title: "Send" }, icon("send"));
    return el("form", { class: "composer-box", "aria-label": "Write" }, this.attach, this.picker, this.input, this.slash, this.send);
  }

  #listen() {
    this.input.addEventListener("input", () => this.#typed());
    this.input.addEventListener("keydown", (event) => this.#key(event));
    this.box.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    const main = document.getElementById("main");
    takeDrops(main, (files) => this.takeFiles(files));
    document.addEventListener("paste", (event) => this.#paste(event));
    this.store.on("hello", () => this.#greet());
    for (const name of ["place", "channels"]) this.store.on(name, () => this.#show());
    this.store.on("guild", () => this.tray.refresh());
    this.store.on("message", ({ id, change }) => change === "gone" && id === this.#about?.message.id && this.#end());
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
      look: (typed) => this.#look(typed),
      take: ({ value }) => (value.command ? this.#start(value.command) : this.#mention(value.name)),
    };
  }

  #look(typed) {
    if (this.#about?.kind !== "edit" && /^\/[^\n/]*$/.test(typed)) return this.#lookForCommands(typed.slice(1));
    const word = WORD.exec(typed.slice(0, this.input.selectionStart))?.[1];
    if (word === undefined) return [];
    const choices = fitting(entities(this.store, ["user", "role"]), word);
    // Who has typed a name to its end means to go on: Enter sends then.
    if (choices.some(({ name }) => name.toLowerCase() === `@${word}`.toLowerCase())) return [];
    return choices
      .slice(0, MOST_SHOWN)
      .map(({ name, hint }) => ({ name, hint, value: { name } }));
  }

  async #lookForCommands(typed) {
    const commands = await this.offers.here();
    const exact = typed.endsWith(" ") && matching(commands, typed);
    if (exact && exact[0]?.name === typed.trim() && exact.filter(({ name }) => name.startsWith(typed.trim())).length === 1) {
      this.#start(exact[0]);
      return null;
    }
    return matching(commands, typed).map((command) => ({ name: `/${command.name}`, hint: command.description, value: { command } }));
  }

  #mention(name) {
    const { selectionStart: at, value } = this.input;
    const before = value.slice(0, at).replace(/@[^@]*$/u, `${name} `);
    this.input.value = before + value.slice(at);
    this.input.setSelectionRange(before.length, before.length);
    this.#typed();
  }

  #slash() {
    this.input.value = "/";
    this.input.focus();
    this.#typed();
  }

  #typed() {
    this.#grow();
    this.refuse("");
    this.#showSend();
    this.suggestions.look();
  }

  #key(event) {
    if (event.defaultPrevented || event.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey) this.#submit();
    else if (event.key === "Escape" && this.#about) this.#end();
    else if (event.key === "ArrowUp" && !this.input.value && !this.#about && this.#own()) this.edit(this.#own());
    else return;
    event.preventDefault();
  }

  #own() {
    const { order, byId } = this.store.shelf(this.store.place);
    const mine = order.map((id) => byId.get(id)).filter((message) => message.author.id === this.store.me.id && message.may.edit);
    return mine.at(-1);
  }

  async #submit() {
    const text = this.input.value;
    if (this.#isBusy) return;
    if (this.#about?.kind !== "edit" && /^\/[^\n/]*$/.test(text)) await this.#startTyped(text.slice(1));
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
      await this.#ask(this.#wire(text.trim()));
      this.input.value = "";
      this.tray.clear();
      this.#end();
      this.refuse("");
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
    const channel = this.store.place;
    if (this.#about?.kind === "edit") {
      return this.page.live.ask("edit", { channel, message: this.#about.message.id, text });
    }
    const files = await Promise.all(this.tray.files.map((file) => upload(file, this.store)));
    const reply = this.#about ? { reply_to: this.#about.message.id, ping: this.#about.ping } : {};
    return this.page.live.ask("send", { channel, text, files, ...reply });
  }

  /** Mentions as Discord writes them: `@Mia` becomes `<@id>`. */
  #wire(text) {
    return this.#names().reduce((said, [name, code]) => replaceName(said, name, code), text);
  }

  #readable(text) {
    return this.#names().reduce((said, [name, code]) => said.replaceAll(code, name), text);
  }

  /** The longest names first, because one may begin another. */
  #names() {
    const { members, roles, channels, guild } = this.store;
    const people = [...members.values()].flatMap(({ user, nick }) => [nick, nameOf(this.store, user), user.username].filter(Boolean).map((name) => [`@${name}`, `<@${user.id}>`]));
    const groups = [...roles.values()].filter((role) => role.id !== guild.id).map((role) => [`@${role.name}`, `<@&${role.id}>`]);
    const places = [...channels.values()].filter((channel) => channel.type !== DM).map((channel) => [`#${channel.name}`, `<#${channel.id}>`]);
    return [...people, ...groups, ...places].sort(([one], [other]) => other.length - one.length);
  }

  #begin(about) {
    this.#leave();
    this.#about = about;
    this.#show();
    this.input.focus();
  }

  #end() {
    if (this.#about?.kind === "edit") this.input.value = "";
    this.#about = null;
    this.#grow();
    this.#show();
  }

  #start(command) {
    this.suggestions.close();
    if (this.#about?.kind === "edit") this.#end();
    this.input.value = "";
    this.refuse("");
    this.#form?.element.remove();
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
    if (this.tray.files.length) {
      this.#form.takeFiles(this.tray.files);
      this.tray.clear();
    }
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
    this.box.hidden = Boolean(this.#form);
    this.input.disabled = !maySend;
    this.input.placeholder = maySend ? `Message ${placeName(this.store, channel)}` : "You may not write here";
    const isEdit = this.#about?.kind === "edit";
    this.attach.hidden = isEdit || channel?.may.attach === false;
    this.slash.hidden = isEdit;
    this.#showBar();
    this.#showSend();
  }

  /** Somebody else begins anew. */
  #greet() {
    if (this.#me !== this.store.me.id) {
      this.#move();
      this.#drafts.clear();
      this.input.value = "";
      this.tray.clear();
    }
    this.#me = this.store.me.id;
    this.#show();
  }

  /** Each place keeps what was begun there. */
  #move() {
    const text = this.#about?.kind === "edit" ? "" : this.input.value;
    this.#drafts.set(this.#place, { text, files: this.tray.files });
    this.#place = this.store.place;
    this.#about = null;
    this.#form?.element.remove();
    this.#form = null;
    this.suggestions.close();
    const { text: begun, files } = this.#drafts.get(this.#place) ?? { text: "", files: [] };
    this.input.value = begun;
    this.refuse("");
    this.tray.keep(files);
    this.#grow();
  }

  #showBar() {
    this.bar.hidden = !this.#about;
    if (!this.#about) return;
    const { kind, message } = this.#about;
    const who = kind === "edit" ? "Changing your message" : `Replying to ${nameOf(this.store, message.author)}`;
    this.bar.replaceChildren(
      el("span", { class: "composer-about" }, el("b", {}, who), kind === "reply" && el("span", { class: "composer-quoted" }, ` ${snippet(message)}`)),
      ...(kind === "reply" ? [this.#pingSwitch(message)] : []),
      el("button", { type: "button", class: "icon-button", "aria-label": kind === "edit" ? "Do not change it" : "Do not reply", on: { click: () => this.#end() } }, icon("close")),
    );
  }

  #pingSwitch(message) {
    const { ping } = this.#about;
    const turn = () => {
      this.#about.ping = !ping;
      this.#showBar();
      this.bar.querySelector("[role=switch]").focus();
    };
    const label = `Mention ${nameOf(this.store, message.author)}`;
    return el("button", { type: "button", class: "chip", role: "switch", "aria-checked": String(ping), "aria-label": label, title: label, on: { click: turn } }, `@ ${ping ? "on" : "off"}`);
  }

  #showSend() {
    const isReady = Boolean(this.input.value.trim() || this.tray.files.length);
    this.send.disabled = this.#isBusy || this.input.disabled || !isReady;
  }
}

function placeName(store, channel) {
  return `${channel.type === DM ? "@" : "#"}${channelName(store, channel)}`;
}

function replaceName(text, name, code) {
  const lower = name.toLowerCase();
  let said = "";
  let from = 0;
  for (let at = find(text, lower, 0); at >= 0; at = find(text, lower, from)) {
    said += text.slice(from, at) + code;
    from = at + name.length;
  }
  return said + text.slice(from);
}

/** Where a name stands by itself: not within a word, and not within a mention that is written already. */
function find(text, name, from) {
  const low = text.toLowerCase();
  for (let at = low.indexOf(name, from); at >= 0; at = low.indexOf(name, at + 1)) {
    const before = text[at - 1] ?? " ";
    const after = text[at + name.length] ?? " ";
    if (!/[\p{L}\p{N}_<]/u.test(before) && !/[\p{L}\p{N}_]/u.test(after)) return at;
  }
  return -1;
}
