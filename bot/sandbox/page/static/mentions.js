/** Mentions as people type them, `@Mia`, and as Discord writes them, `<@id>`. */

import { entities, fitting } from "./entities.js";
import { nameOf } from "./names.js";

const DM = 1;
const BEGUN = /(?:^|\s)@([\p{L}\p{N}_.-]*)$/u;
const MOST_SHOWN = 12;
/** What Discord shows as it stands: code, addresses, and what is written as a mention already. */
const AS_IT_STANDS = "```[^]*?```|``[^]*?``|`[^`]*`|https?://\\S+|<[@#][^>]*>";

/**
 * @param {string} typed up to the caret
 * @param {import("./store.js").Store} store
 * @returns {import("./autocomplete.js").Choice[]} whom the mention may mean that is being typed; none where none is, or
 *   where it is typed to its end: Enter sends then
 */
export function namesFor(typed, store) {
  const name = BEGUN.exec(typed)?.[1];
  if (name === undefined) return [];
  const choices = fitting(entities(store, ["user", "role"]), name);
  const isWhole = choices.some((choice) => choice.name.toLowerCase() === `@${name}`.toLowerCase());
  return isWhole ? [] : choices.slice(0, MOST_SHOWN);
}

/**
 * @param {string} text as it was typed
 * @param {import("./store.js").Store} store
 * @returns {string} as it is sent
 */
export function toWire(text, store) {
  const known = names(store);
  const codes = new Map(known.toReversed().map(([name, code]) => [name.toLowerCase(), code]));
  const alone = `(?<![\\p{L}\\p{N}_<])(${known.map(([name]) => quoted(name)).join("|")})(?![\\p{L}\\p{N}_])`;
  const found = new RegExp(`${AS_IT_STANDS}|${alone}`, "giu");
  return text.replace(found, (said, name) => codes.get(name?.toLowerCase()) ?? said);
}

/**
 * @param {string} text as Discord has it
 * @param {import("./store.js").Store} store
 * @returns {string} as one types it
 */
export function toWords(text, store) {
  const spoken = new Map(names(store).toReversed().map(([name, code]) => [code, name]));
  return text.replace(new RegExp(AS_IT_STANDS, "gu"), (said) => spoken.get(said) ?? said);
}

function quoted(name) {
  return name.replace(/[$()*+.?[\\\]^{|}]/g, "\\$&");
}

/** The longest names first, because one may begin another. */
function names(store) {
  const { members, roles, channels, guild } = store;
  const people = [...members.values()].flatMap(({ user, nick }) =>
    [nick, nameOf(store, user), user.username].filter(Boolean).map((name) => [`@${name}`, `<@${user.id}>`]),
  );
  const groups = [...roles.values()].filter(({ id }) => id !== guild.id).map(({ id, name }) => [`@${name}`, `<@&${id}>`]);
  const places = [...channels.values()].filter(({ type }) => type !== DM).map(({ id, name }) => [`#${name}`, `<#${id}>`]);
  return [...people, ...groups, ...places].sort(([one], [other]) => other.length - one.length);
}
