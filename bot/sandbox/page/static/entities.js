/** People, roles and channels as choices. */

import { nameOf } from "./names.js";
import { THREADS } from "./store.js";

const DM = 1;

/** Kinds of options and of selects, by what can be picked in them (Discord API: option types, component types). */
export const OPTION_PICKS = { 6: ["user"], 7: ["channel"], 8: ["role"], 9: ["user", "role"] };
export const SELECT_PICKS = { 5: ["user"], 6: ["role"], 7: ["user", "role"], 8: ["channel"] };

const MAKERS = { user: users, role: roles, channel: channels };

/**
 * What can be picked.
 *
 * @param {import("./store.js").Store} store
 * @param {string[]} kinds of "user", "role", "channel"
 * @param {number[]} [channelTypes] only channels of these types
 * @returns {import("./autocomplete.js").Choice[]} the values are ids
 */
export function entities(store, kinds, channelTypes) {
  return kinds.flatMap((kind) => MAKERS[kind](store, channelTypes));
}

/**
 * @template {import("./autocomplete.js").Choice} T
 * @param {T[]} choices
 * @param {string} typed
 * @returns {T[]} those whose name has what was typed in it; first those that begin with it
 */
export function fitting(choices, typed) {
  const wanted = typed.trim().replace(/^[@#]/, "").toLowerCase();
  const bare = (choice) => choice.name.replace(/^[@#]/, "").toLowerCase();
  const fit = choices.filter((choice) => bare(choice).includes(wanted));
  return fit.sort((one, other) => Number(bare(other).startsWith(wanted)) - Number(bare(one).startsWith(wanted)));
}

function users(store) {
  return [...store.members.values()].map((member) => ({
    name: `@${nameOf(store, member.user)}`,
    value: member.user.id,
    hint: member.user.bot ? "app" : member.user.username,
  }));
}

function roles(store) {
  return [...store.roles.values()]
    .sort((one, other) => other.position - one.position)
    .map((role) => ({ name: role.id === store.guild.id ? "@everyone" : `@${role.name}`, value: role.id, hint: "role" }));
}

function channels(store, types) {
  return [...store.channels.values()]
    .filter((channel) => channel.type !== DM && (!types?.length || types.includes(channel.type)))
    .map((channel) => ({ name: `#${channel.name}`, value: channel.id, hint: THREADS.has(channel.type) ? "thread" : "" }));
}
