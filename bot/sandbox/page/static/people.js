/** Who one is, and being somebody else: here, or in a second window. */

import { el } from "./dom.js";
import { icon } from "./icons.js";
import { avatar, nameOf } from "./names.js";
import { rove, stayBeside } from "./popups.js";

/**
 * @param {HTMLElement} container
 * @param {import("./app.js").Page} page
 */
export function mountPeople(container, page) {
  const { store } = page;
  const popup = el("div", { class: "popup people-popup", popover: "auto", role: "group", "aria-label": "Be somebody else" });
  const button = el("button", { type: "button", class: "people-button" });
  button.popoverTargetElement = popup;
  popup.addEventListener("toggle", (event) => toggled(event.newState === "open"));
  popup.addEventListener("keydown", (event) => rove(event, [...popup.querySelectorAll("button, a")]));
  container.replaceChildren(button, popup);

  function toggled(isOpen) {
    button.setAttribute("aria-expanded", String(isOpen));
    if (!isOpen) return;
    const title = el("p", { class: "popup-title" }, "Be somebody else");
    popup.replaceChildren(title, el("ul", { class: "people" }, ...store.people.map(row)));
    stayBeside(popup, button);
    popup.querySelector('[aria-current="true"]')?.focus();
  }

  function row(person) {
    const isMe = person.id === store.me.id;
    const current = { "aria-current": isMe ? "true" : null };
    const be = el("button", { type: "button", ...current, on: { click: () => become(person) } }, words(store, person));
    return el("li", {}, be, windowAs(store, person));
  }

  function become(person) {
    popup.hidePopover();
    if (person.id !== store.me.id) page.become(person.id);
  }

  function show() {
    const known = store.people.find((person) => person.id === store.me.id) ?? store.me;
    button.replaceChildren(...words(store, known), icon("people"));
    button.setAttribute("aria-label", `You are ${nameOf(store, known)}, ${role(known)}. Be somebody else`);
  }

  store.on("hello", show);
  store.on("guild", show);
  if (store.me) show();
}

function words(store, person) {
  const name = nameOf(store, person);
  const said = [el("span", { class: "people-name" }, name), el("span", { class: "people-is" }, role(person))];
  return [avatar(name, person.id), el("span", { class: "people-words" }, said)];
}

/** What one is here, and the language in which bots answer, where that is not the page's. */
function role({ is, locale }) {
  const language = locale.startsWith("en") ? null : new Intl.DisplayNames(["en"], { type: "language" }).of(locale);
  return language ? `${is} · ${language}` : is;
}

function windowAs(store, person) {
  const label = `Open a second window as ${nameOf(store, person)}`;
  const link = { href: `/?as=${person.id}`, target: "_blank", rel: "noopener", class: "icon-button", "aria-label": label };
  return el("a", { ...link, title: "A second window" }, icon("out"));
}
