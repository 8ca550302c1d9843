/** What persons, roles and places are called, and the round picture with their initials. */

import { el } from "./dom.js";

const TINTS = 10;

/**
 * @param {import("./store.js").Store} store
 * @param {Object} user a user object
 * @returns {string} the name by which the server knows somebody
 */
export function nameOf(store, user) {
  return store.members.get(user.id)?.nick ?? user.global_name ?? user.username;
}

/**
 * @param {import("./store.js").Store} store
 * @param {string} id
 * @returns {string} the name of a user; "unknown" for one who is not here
 */
export function memberName(store, id) {
  const user = store.members.get(id)?.user ?? store.people.find((person) => person.id === id);
  return user ? nameOf(store, user) : "unknown";
}

/**
 * @param {import("./store.js").Store} store
 * @param {Object} channel
 * @returns {string} without a sign before it; a direct message is called after the others in it
 */
export function channelName(store, channel) {
  if (channel.type !== 1) return channel.name;
  return channel.recipients.map((user) => nameOf(store, user)).join(", ");
}

/**
 * @param {string} name
 * @param {string} id decides the colour
 * @param {{size?: "small"|"large"}} [options]
 */
export function avatar(name, id, { size } = {}) {
  const initials = name.split(/[\s_.-]+/u, 2).map((part) => [...part][0] ?? "").join("");
  const tint = [...`${name}${id}`].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 9973, 7) % TINTS;
  return el("span", { class: `avatar${size ? ` ${size}` : ""}`, "data-tint": tint, "aria-hidden": "true" }, initials.toUpperCase());
}
