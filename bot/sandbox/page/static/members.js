/** Who is in the server. */

import { el, patch } from "./dom.js";
import { avatar, nameOf } from "./names.js";

const TITLES = { owner: "Owner", moderator: "Moderators", member: "Members", app: "Apps" };

/**
 * @param {HTMLElement} container
 * @param {import("./app.js").Page} page
 */
export function mountMembers(container, page) {
  const { store } = page;
  const list = el("div", {});
  container.append(list);
  const draw = () => patch(list, el("div", {}, ...groups(store)));
  for (const name of ["hello", "guild", "applications"]) store.on(name, draw);
}

function groups(store) {
  const roles = new Map(store.people.map((person) => [person.id, person.is]));
  const kind = ({ user }) => (user.bot ? "app" : (roles.get(user.id) ?? "member"));
  const members = [...store.members.values()].sort((one, other) => nameOf(store, one.user).localeCompare(nameOf(store, other.user)));
  return Object.entries(TITLES).flatMap(([name, title]) => {
    const found = members.filter((member) => kind(member) === name);
    if (!found.length) return [];
    return [el("h2", {}, title), el("ul", {}, ...found.map(({ user }) => row(store, user)))];
  });
}

function row(store, user) {
  const name = nameOf(store, user);
  const application = store.applications.get(user.id);
  const isAway = application?.online === false;
  return el(
    "li",
    { class: `member${user.bot ? " bot" : ""}${isAway ? " away" : ""}`, "data-key": user.id },
    avatar(name, user.id, { size: "large" }),
    el("span", { class: "member-name" }, name, user.id === store.me.id && el("span", { class: "faint" }, " (you)")),
    application && el("span", { class: "presence" }, isAway ? "offline" : "online"),
  );
}
