/** The frame around the channels and messages: the header, the drawers of a narrow window, colours, the connection. */

import { inOrder, signOf } from "./channels.js";
import { eachFrame, el, patch } from "./dom.js";
import { icon } from "./icons.js";
import { keep, kept } from "./kept.js";
import { channelName } from "./names.js";
import { THREADS } from "./store.js";

const WIDE = "(width >= 1180px)";
const THEME = "sandbox-theme";
const QUIET_MS = 700;
const MOST_SAID = 3;

/** @param {import("./app.js").Page} page */
export function mountShell(page) {
  const drawers = new Drawers(document.getElementById("shell"));
  mountHeader(page, drawers);
  mountGuild(document.getElementById("guild"), page, drawers);
  mountConnection(document.getElementById("connection"), page);
  mountPlaces(page, drawers);
  mountAnnouncer(document.getElementById("announcer"), page);
  page.store.on("person", closeAll);
}

/** What one person has opened is not for another. */
function closeAll() {
  for (const popup of document.querySelectorAll(":popover-open")) popup.hidePopover();
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
}

/** The lists at the sides, which cover the messages where the window is narrow; one at a time. */
class Drawers {
  constructor(shell) {
    this.shell = shell;
    this.opener = null;
    this.isWide = matchMedia(WIDE);
    const scrim = el("button", { type: "button", class: "scrim", "aria-label": "Close the list" });
    scrim.addEventListener("click", () => this.close());
    shell.append(scrim);
    shell.addEventListener("keydown", (event) => event.key === "Escape" && this.isOpen && this.close());
    this.isWide.addEventListener("change", () => {
      this.close();
      this.cover();
    });
  }

  get isOpen() {
    return this.shell.dataset.drawer !== undefined;
  }

  toggle(name, opener) {
    if (this.shell.dataset.drawer === name) return this.close();
    this.shell.dataset.drawer = name;
    this.opener = opener;
    opener.setAttribute("aria-expanded", "true");
    this.cover();
    const list = document.getElementById(name);
    (list.querySelector("a, button") ?? list).focus();
    return undefined;
  }

  close() {
    if (!this.isOpen) return;
    const list = document.getElementById(this.shell.dataset.drawer);
    delete this.shell.dataset.drawer;
    this.cover();
    this.opener.setAttribute("aria-expanded", "false");
    if (list.contains(document.activeElement) || document.activeElement === document.body) this.opener.focus();
  }

  /** Nothing is reached that lies behind what covers it. */
  cover() {
    const { drawer, backstage } = this.shell.dataset;
    const above = drawer ?? (backstage !== undefined && !this.isWide.matches ? "backstage" : null);
    for (const part of this.shell.children) part.inert = above !== null && part.id !== above && !part.matches(".scrim");
  }
}

function mountHeader(page, drawers) {
  const header = document.getElementById("place");
  const lists = tool("lists", "Channels", { class: "tool narrow", "aria-expanded": "false", "aria-controls": "sidebar" });
  lists.addEventListener("click", () => drawers.toggle("sidebar", lists));
  const title = el("h1", {});
  header.append(lists, title, themeTool(), membersTool(drawers), backstageTool(drawers));
  const draw = eachFrame(() => patch(title, el("h1", {}, ...titleOf(page.store))));
  for (const name of ["hello", "guild", "place", "channels"]) page.store.on(name, draw);
  title.addEventListener("click", (event) => {
    const link = event.target.closest("[data-place]");
    if (!link) return;
    event.preventDefault();
    page.open(link.dataset.place);
  });
}

function tool(sign, words, props = {}) {
  return el("button", { type: "button", class: "tool", "aria-label": words, title: words, ...props }, icon(sign));
}

function titleOf(store) {
  const { channel } = store;
  if (!channel) return [el("span", { class: "place-name" }, store.guild?.name ?? "Sandbox")];
  const parent = THREADS.has(channel.type) && store.channels.get(channel.parent_id);
  return [
    parent && el("a", { class: "place-parent", href: `#${parent.id}`, "data-place": parent.id }, `#${parent.name}`),
    parent && icon("right"),
    !parent && icon(signOf(channel)),
    el("span", { class: "place-name" }, channelName(store, channel)),
    stateOf(channel),
  ];
}

function stateOf({ thread_metadata: thread }) {
  if (!thread?.archived && !thread?.locked) return null;
  return el("span", { class: "state" }, thread.locked ? "locked" : "archived");
}

/** Follows the system until it is pressed. */
function themeTool() {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const button = tool("sun", "");
  const show = () => {
    const words = isDark() ? "Light colours" : "Dark colours";
    button.replaceChildren(icon(isDark() ? "sun" : "moon"));
    button.title = words;
    button.setAttribute("aria-label", words);
  };
  const chosen = kept(THEME);
  if (chosen === "dark" || chosen === "light") root.dataset.theme = chosen;
  system.addEventListener("change", show);
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    keep(THEME, root.dataset.theme);
    show();
  });
  show();
  return button;
}

function membersTool(drawers) {
  const button = tool("people", "Members", { "aria-controls": "members" });
  const { isWide, shell } = drawers;
  const show = () => {
    const isShown = isWide.matches ? shell.dataset.members !== "hidden" : shell.dataset.drawer === "members";
    button.setAttribute("aria-expanded", String(isShown));
  };
  button.addEventListener("click", () => {
    if (isWide.matches) shell.dataset.members = shell.dataset.members === "hidden" ? "shown" : "hidden";
    else drawers.toggle("members", button);
    show();
  });
  isWide.addEventListener("change", show);
  show();
  return button;
}

function backstageTool(drawers) {
  const container = document.getElementById("backstage");
  const words = el("span", { class: "wide-only" }, "What if…");
  const props = { type: "button", class: "tool", "aria-expanded": "false", "aria-controls": "backstage" };
  const button = el("button", { ...props, "aria-label": "What if…", title: "What if…" }, icon("switches"), words);
  button.addEventListener("click", () => {
    container.hidden = !container.hidden;
  });
  new MutationObserver(() => {
    button.setAttribute("aria-expanded", String(!container.hidden));
    drawers.shell.toggleAttribute("data-backstage", !container.hidden);
    drawers.cover();
    if (container.hidden && (container.contains(document.activeElement) || document.activeElement === document.body)) button.focus();
  }).observe(container, { attributeFilter: ["hidden"] });
  return button;
}

function mountGuild(container, page, drawers) {
  const { store } = page;
  const mark = el("img", { class: "mark", src: "/page/static/icon.svg", alt: "" });
  const name = el("span", { class: "guild-name" });
  const words = el("span", { class: "guild-words" }, name, el("small", {}, "a server of your own"));
  container.append(mark, words);
  const show = () => {
    name.textContent = store.guild.name;
  };
  for (const signal of ["hello", "guild"]) store.on(signal, show);
  document.getElementById("sidebar").addEventListener("click", (event) => {
    if (event.target.closest("[data-place]")) drawers.close();
  });
}

/** A short interruption is nobody's business. */
function mountConnection(container, page) {
  let timer = 0;
  page.live.on("state", (state) => {
    clearTimeout(timer);
    if (state === "open") container.replaceChildren();
    else timer = setTimeout(() => container.replaceChildren(dots(), "The connection is lost. It comes back by itself."), QUIET_MS);
  });
}

function dots() {
  return el("span", { class: "dots", "aria-hidden": "true" }, el("i"), el("i"), el("i"));
}

/** The address says what is open, so that it can be gone back to, and is open again after a reload. */
function mountPlaces(page, drawers) {
  const { store } = page;
  const first = () => inOrder(store)[0]?.id;
  const asked = () => {
    const [channel, message] = location.hash.slice(1).split("/");
    return store.channels.has(channel) ? [channel, message] : [];
  };
  store.on("hello", () => {
    const [channel, message] = store.place ? [store.place] : asked();
    page.reopen(channel ?? first(), message);
  });
  store.on("lost", ({ parent }) => {
    const next = store.channels.has(parent) ? parent : first();
    page.open(next).then(() => page.tell("The place that was open is gone, or you do not see it any more.", { channel: next }));
  });
  store.on("place", () => {
    drawers.close();
    if (store.place && asked()[0] !== store.place) remember(`#${store.place}`);
    showTitle(store);
  });
  addEventListener("popstate", () => asked()[0] && page.open(...asked()));
  for (const name of ["hello", "unread"]) store.on(name, () => showTitle(store));
  store.on("channels", ({ id }) => id === store.place && showTitle(store));
  document.addEventListener("visibilitychange", () => document.hidden || store.read());
}

function remember(address) {
  if (location.hash) history.pushState(null, "", address);
  else history.replaceState(null, "", address);
}

function showTitle(store) {
  const pings = [...store.unread.values()].reduce((sum, one) => sum + one.pings, 0);
  const { channel } = store;
  const name = channel ? `${THREADS.has(channel.type) || channel.type === 1 ? "" : "#"}${channelName(store, channel)} · ` : "";
  document.title = `${pings ? `(${pings}) ` : ""}${name}${store.guild?.name ?? "Sandbox"}`;
}

function mountAnnouncer(container, page) {
  page.announce = (sentence) => {
    // What is said again is heard again because it is another element.
    container.append(el("span", {}, sentence));
    while (container.childElementCount > MOST_SAID) container.firstChild.remove();
  };
}
