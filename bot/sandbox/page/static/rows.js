/** One message as a row of the list. */

import { components } from "./components.js";
import { el } from "./dom.js";
import { embed } from "./embeds.js";
import { icon } from "./icons.js";
import { inline, markdown } from "./markdown.js";
import { attachments } from "./media.js";
import { avatar, memberName, nameOf } from "./names.js";
import { FLAG } from "./store.js";
import { day, isSameDay, stamp } from "./times.js";

const TOGETHER_MS = 7 * 60_000;
const SNIPPET = 160;
const TYPE = { THREAD_CREATED: 18, REPLY: 19, COMMAND: 20, THREAD_STARTER: 21, MENU_COMMAND: 23 };
const NOTICES = new Set([TYPE.THREAD_CREATED]);
const ALONE = new Set([TYPE.THREAD_CREATED, TYPE.THREAD_STARTER]);
const TEXT = 10;

/**
 * The message that a row shows and whose buttons it has: of a thread's first row the one that the thread was opened on.
 *
 * @param {Object} message
 * @param {import("./store.js").Store} store
 * @returns {Object}
 */
export function original(message, store) {
  if (message.type !== TYPE.THREAD_STARTER || !message.referenced_message) return message;
  const { channel_id: channel, id } = message.referenced_message;
  return store.message(channel, id) ?? message.referenced_message;
}

/**
 * @param {Object} message
 * @param {Object|undefined} previous the message before it
 * @param {import("./app.js").Page} page
 * @param {Set<string>} revealed the spoilers that were opened
 * @returns {HTMLLIElement}
 */
export function row(message, previous, page, revealed) {
  const told = original(message, page.store);
  const reading = { store: page.store, hooks: page.hooks, message: told, revealed, key: told.id, spoilers: 0 };
  const isNewDay = !previous || !isSameDay(previous.timestamp, message.timestamp);
  const isGrouped = !isNewDay && isTogether(message, previous);
  const kinds = ["message", isGrouped && "grouped", message.pings_me && "pings", isPrivate(message) && "private"];
  return el(
    "li",
    { class: kinds.filter(Boolean).join(" "), "data-id": message.id, tabindex: -1 },
    isNewDay && el("div", { class: "day", "data-key": "day" }, el("span", {}, day(message.timestamp))),
    NOTICES.has(message.type) ? notice(message, reading) : whole(message, told, reading, isGrouped),
  );
}

const PLAINER = [
  [/```(?:[\w+#.-]{0,20}\n)?/gu, ""],
  [/\[([^[\]\n]{1,200})\]\(<?https?:[^()\s]*>?\)/gu, "$1"],
  [/\|\|.+?\|\|/gsu, "(spoiler)"],
  [/^(?:#{1,3}|-#|>{1,3}|[-*]) +/gmu, ""],
  [/\s+/gu, " "],
];

/** @returns {string} what a message says, on one line of markdown, for who quotes it */
export function snippet(message) {
  const said = PLAINER.reduce((text, [found, instead]) => text.replace(found, instead), textsOf(message).join("\n")).trim();
  if (said) return said.length > SNIPPET ? `${said.slice(0, SNIPPET)}…` : said;
  return message.attachments?.length ? message.attachments[0].filename : "a message without words";
}

/** @returns {string} the first line of what a message says */
export function headline(message) {
  return textsOf(message)[0]?.split("\n", 1)[0] ?? "";
}

/** @returns {string} the same as a snippet for who hears it */
export function spoken(message, store) {
  if (message.flags & FLAG.LOADING) return "thinking…";
  const reading = { store, message, revealed: new Set(), key: message.id, spoilers: 0, isLinked: true };
  return el("span", {}, inline(snippet(message), reading)).textContent;
}

function textsOf({ content, components = [], embeds = [] }) {
  return [content, ...displayed(components), ...embeds.map(({ title, description }) => title ?? description)].filter(Boolean);
}

function* displayed(components) {
  for (const found of components) {
    if (found.type === TEXT) yield found.content;
    yield* displayed(found.components ?? []);
  }
}

/** @returns {boolean} whether only this person sees it */
export function isPrivate({ flags }) {
  return Boolean(flags & FLAG.EPHEMERAL);
}

function isTogether(message, previous) {
  if (message.author.id !== previous.author.id || isPrivate(message) !== isPrivate(previous)) return false;
  if (message.type === TYPE.REPLY || message.interaction_metadata?.name || ALONE.has(previous.type)) return false;
  return Date.parse(message.timestamp) - Date.parse(previous.timestamp) < TOGETHER_MS;
}

function whole(message, told, reading, isGrouped) {
  const { store } = reading;
  const name = nameOf(store, told.author);
  const lead = isGrouped
    ? el("div", { class: "lead short", "data-key": "short" }, stamp(told.timestamp, store, { short: true }))
    : el("div", { class: "lead", "data-key": "face" }, avatar(name, told.author.id));
  if (told.author.bot) lead.classList.add("bot");
  return el(
    "div",
    { class: "body" },
    before(message, reading),
    lead,
    el(
      "div",
      { class: isPlain(told) ? "said" : "said rich" },
      !isGrouped && head(told, name, store),
      content(told, reading),
      isPrivate(message) && privately(),
      thread(told, store),
    ),
    tools(message),
  );
}

function isPlain({ attachments, embeds, components }) {
  return ![attachments, embeds, components].some((found) => found?.length);
}

function head({ author, timestamp }, name, store) {
  return el(
    "div",
    { class: "head", "data-key": "head" },
    el("span", { class: "author", "data-user": author.id }, name),
    author.bot && el("span", { class: "badge" }, "App"),
    stamp(timestamp, store),
  );
}

/** The line above a message: what it replies to, or what was used to make it. */
function before(message, reading) {
  if (message.type === TYPE.REPLY) return replied(message, reading);
  const used = message.interaction_metadata;
  if (!used?.name) return null;
  const name = used.command_type === 1 ? `/${used.name}` : used.name;
  const who = nameOf(reading.store, used.user);
  return el("div", { class: "before", "data-key": "used" }, icon("slash"), avatar(who, used.user.id, { size: "small" }), el("b", {}, who), el("span", {}, "used ", el("b", { class: "used" }, name)));
}

function replied({ message_reference: reference, referenced_message: brought }, reading) {
  const { store } = reading;
  const found = store.message(reference?.channel_id, reference?.message_id) ?? brought;
  if (!found) return el("div", { class: "before", "data-key": "reply" }, icon("reply"), el("i", {}, "The message it replies to is gone."));
  const who = nameOf(store, found.author);
  const words = el("span", { class: "quoted" }, inline(snippet(found), { ...reading, isLinked: true }));
  const props = { class: "before", href: `#${found.channel_id}/${found.id}`, "data-key": "reply" };
  const target = { "data-place": found.channel_id, "data-jump": found.id };
  return el("a", { ...props, ...target }, icon("reply"), avatar(who, found.author.id, { size: "small" }), el("b", {}, who), words);
}

function content(message, reading) {
  if (message.flags & FLAG.LOADING) return thinking(message, reading.store);
  return [
    message.content && text(message, reading),
    ...(message.message_snapshots ?? []).map(({ message: copy }) => forwarded(copy, reading)),
    ...attachments(message.attachments ?? [], reading),
    ...(message.embeds ?? []).map((found) => embed(found, reading)),
    message.components?.length > 0 && el("div", { class: "components", "data-key": "components" }, components(message.components, reading)),
  ];
}

function thinking({ author }, store) {
  const dots = el("span", { class: "dots", "aria-hidden": "true" }, el("i"), el("i"), el("i"));
  return el("p", { class: "thinking", "data-key": "thinking" }, dots, `${nameOf(store, author)} is thinking…`);
}

function text(message, reading) {
  const made = markdown(message.content, reading);
  if (message.edited_timestamp) {
    const mark = el("span", { class: "edited", title: message.edited_timestamp }, "(edited)");
    const last = made.lastElementChild?.classList.contains("run") ? made.lastElementChild : made;
    last.append(" ", mark);
  }
  made.dataset.key = "text";
  return made;
}

function forwarded(copy, reading) {
  return el("blockquote", { class: "forwarded" }, el("small", { class: "subtext" }, "Forwarded"), content({ ...copy, author: reading.message.author }, reading));
}

function privately() {
  return el(
    "p",
    { class: "privately", "data-key": "private" },
    icon("eye"),
    "Only you can see this · ",
    el("button", { type: "button", class: "link", "data-dismiss": true }, "Dismiss"),
  );
}

function thread({ id, thread: brought }, store) {
  const found = store.channels.get(id) ?? brought;
  if (!found?.thread_metadata || id === store.place) return null;
  const count = found.message_count;
  const words = el("span", { class: "faint" }, count === 1 ? "1 message" : `${count} messages`);
  const props = { class: "thread-link", href: `#${id}`, "data-place": id, "data-key": "thread" };
  return el("a", props, icon("thread"), el("b", {}, found.name), words, icon("right"));
}

function notice({ author, content: name, channel_id: parent }, { store }) {
  const found = [...store.channels.values()].reverse().find((channel) => channel.parent_id === parent && channel.name === name);
  const what = found ? el("a", { href: `#${found.id}`, "data-place": found.id }, name) : el("b", {}, name);
  return el("p", { class: "notice" }, icon("thread"), el("span", {}, el("b", {}, memberName(store, author.id)), " began the thread ", what));
}

function tools({ may }) {
  return el(
    "div",
    { class: "tools", "data-key": "tools" },
    may?.reply && el("button", { type: "button", class: "tool", "data-reply": true, "aria-label": "Reply", title: "Reply" }, icon("reply")),
    el("button", { type: "button", class: "tool", "data-menu": true, "aria-label": "More", title: "More", "aria-haspopup": "menu" }, icon("more")),
  );
}
