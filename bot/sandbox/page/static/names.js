/** What persons, roles and places are called, and the round picture with their initials. */

import { el } from "./dom.js";

const TINTS = 10;

/** In the order in which somebody was first seen here, so that few have the same. */
const tints = new Map();

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
 * @param {string} id whose colour it has
 * @param {{size?: "small"|"large"}} [options]
 */
export function avatar(name, id, { size } = {}) {
  const initials = name.split(/[\s_.-]+/u, 2).map((part) => [...part][0] ?? "").join("");
  if (!tints.has(id)) tints.set(id, tints.size % TINTS);
  return el("span", { class: `avatar${size ? ` ${size}` : ""}`, "data-tint": tints.get(id), "aria-hidden": "true" }, initials.toUpperCase());
}
