/** Who one is, and being somebody else: here, or in a second window. */

import { el } from "./dom.js";
import { icon } from "./icons.js";
import { avatar, nameOf } from "./names.js";
import { putBeside, rove } from "./popups.js";

const ROLES = { owner: "owner", moderator: "moderator", member: "member" };

/**
 * @param {HTMLElement} container
 * @param {import("./app.js").Page} page
 */
export function mountPeople(container, page) {
  const { store } = page;
  const popup = el("div", { class: "popup people-popup", popover: "auto", role: "group", "aria-label": "Be somebody else" });
  const button = el("button", { type: "button", class: "people-button", "aria-haspopup": "true" });
  button.popoverTargetElement = popup;
  popup.addEventListener("toggle", (event) => toggled(event.newState === "open"));
  popup.addEventListener("keydown", (event) => rove(event, [...popup.querySelectorAll("button, a")]));
  container.replaceChildren(button, popup);

  function toggled(isOpen) {
    button.setAttribute("aria-expanded", String(isOpen));
    if (!isOpen) return;
    popup.replaceChildren(el("p", { class: "popup-title" }, "Be somebody else"), el("ul", { class: "people" }, ...store.people.map(row)));
    putBeside(popup, button.getBoundingClientRect());
    popup.querySelector('[aria-current="true"]')?.focus();
  }

  function row(person) {
    const isMe = person.id === store.me.id;
    return el(
      "li",
      {},
      el("button", { type: "button", "aria-current": isMe ? "true" : null, on: { click: () => become(person) } }, ...words(store, person)),
      el(
        "a",
        { href: `/?as=${person.id}`, target: "_blank", rel: "noopener", class: "icon-button", "aria-label": `Open a second window as ${nameOf(store, person)}`, title: "A second window" },
        icon("out"),
      ),
    );
  }

  function become(person) {
    popup.hidePopover();
    if (person.id !== store.me.id) page.become(person.id);
  }

  function show() {
    const known = store.people.find((person) => person.id === store.me.id) ?? store.me;
    button.replaceChildren(...words(store, known), icon("people"));
    button.setAttribute("aria-label", `You are ${nameOf(store, known)}, ${ROLES[known.is] ?? "member"}. Be somebody else`);
  }

  store.on("hello", show);
  store.on("guild", show);
  if (store.me) show();
}

function words(store, person) {
  const name = nameOf(store, person);
  return [
    avatar(name, person.id),
    el("span", { class: "people-words" }, el("span", { class: "people-name" }, name), el("span", { class: "people-is" }, ROLES[person.is] ?? "member")),
  ];
}
