/** The channels that one sees, with their threads under them. */

import { eachFrame, el, isOlder, patch } from "./dom.js";
import { icon } from "./icons.js";
import { channelName } from "./names.js";
import { THREADS } from "./store.js";

const DIRECT = 1;
const CATEGORY = 4;
const SIGNS = { 1: "person", 11: "thread", 10: "thread", 12: "lock", 15: "forum", 16: "forum" };
const MOST_THREADS = 12;

/**
 * @param {HTMLElement} container
 * @param {import("./app.js").Page} page
 */
export function mountChannels(container, page) {
  const { store } = page;
  const list = el("div", { class: "channel-list" });
  container.append(list);
  const draw = eachFrame(() => patch(list, el("div", { class: "channel-list" }, groups(store))));
  for (const name of ["hello", "guild", "channels", "place", "unread"]) store.on(name, draw);
  list.addEventListener("click", (event) => {
    const link = event.target.closest("[data-place]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    page.open(link.dataset.place);
  });
}

/** @returns {keyof typeof import("./icons.js")} the sign before a channel's name */
export function signOf(channel) {
  return SIGNS[channel.type] ?? "hash";
}

/** @returns {Object[]} the channels of the server that are no threads, in order */
export function inOrder(store) {
  const own = [...store.channels.values()].filter(({ type }) => !THREADS.has(type) && type !== DIRECT && type !== CATEGORY);
  return own.sort((one, other) => one.position - other.position);
}

function groups(store) {
  const categories = [...store.channels.values()].filter(({ type }) => type === CATEGORY);
  const named = categories.sort((one, other) => one.position - other.position).map(({ id, name }) => [id, name]);
  const channels = inOrder(store);
  const directs = [...store.channels.values()].filter(({ type }) => type === DIRECT);
  const threads = threadsByParent(store);
  const inside = (parent) => channels.filter((channel) => (channel.parent_id ?? null) === parent);
  return [
    ...[[null, null], ...named].map(([id, name]) => group(store, name, inside(id), threads)),
    group(store, "Direct messages", directs, threads),
  ];
}

function group(store, name, channels, threads) {
  if (!channels.length) return null;
  const entries = channels.map((channel) => el("li", { "data-key": channel.id }, link(store, channel), under(store, threads.get(channel.id))));
  const key = name ?? "";
  return [name && el("h2", { class: "channel-group", "data-key": key }, name), el("ul", { "data-key": key }, ...entries)];
}

/** The threads that are open, the newest first, and the one that is looked at. */
function threadsByParent(store) {
  const found = new Map();
  for (const channel of store.channels.values()) {
    if (!THREADS.has(channel.type)) continue;
    if (channel.thread_metadata.archived && channel.id !== store.place) continue;
    if (!found.has(channel.parent_id)) found.set(channel.parent_id, []);
    found.get(channel.parent_id).push(channel);
  }
  for (const threads of found.values()) threads.sort((one, other) => (isOlder(one.id, other.id) ? 1 : -1));
  return found;
}

function under(store, threads = []) {
  if (!threads.length) return null;
  const matters = (thread, index) => index < MOST_THREADS || thread.id === store.place || store.unread.has(thread.id);
  const shown = threads.filter(matters);
  const entries = shown.map((thread) => el("li", { "data-key": thread.id }, link(store, thread)));
  const more = threads.length - shown.length;
  if (more > 0) entries.push(el("li", { class: "faint" }, more === 1 ? "and 1 more thread" : `and ${more} more threads`));
  return el("ul", { class: "threads" }, ...entries);
}

function link(store, channel) {
  const name = channelName(store, channel);
  const isOpen = channel.id === store.place;
  const { count = 0, pings = 0 } = store.unread.get(channel.id) ?? {};
  const props = { class: `channel${count ? " unread" : ""}`, href: `#${channel.id}`, "data-place": channel.id };
  return el(
    "a",
    { ...props, "aria-current": isOpen ? "page" : null, title: name },
    icon(signOf(channel)),
    el("span", { class: "channel-name" }, name),
    mark(count, pings),
  );
}

function mark(count, pings) {
  if (pings) return el("span", { class: "count" }, pings, el("span", { class: "unseen" }, pings === 1 ? " mention" : " mentions"));
  return count ? el("span", { class: "dot" }, el("span", { class: "unseen" }, "new messages")) : null;
}
