/** Mentions as people type them, `@Mia`, and as Discord writes them, `<@id>`. */

import { entities, fitting } from "./entities.js";
import { nameOf } from "./names.js";

const DM = 1;
const BEGUN = /(?:^|\s)@([\p{L}\p{N}_.-]*)$/u;
const MOST_SHOWN = 12;

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
  return names(store).reduce((said, [name, code]) => replaceName(said, name, code), text);
}

/**
 * @param {string} text as Discord has it
 * @param {import("./store.js").Store} store
 * @returns {string} as one types it
 */
export function toWords(text, store) {
  return names(store).reduce((said, [name, code]) => said.replaceAll(code, name), text);
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

function replaceName(text, name, code) {
  let said = "";
  let from = 0;
  for (let at = find(text, name, 0); at >= 0; at = find(text, name, from)) {
    said += text.slice(from, at) + code;
    from = at + name.length;
  }
  return said + text.slice(from);
}

/** Where a name stands by itself: not within a word, and not within a mention that is written already. */
function find(text, name, from) {
  const low = text.toLowerCase();
  const wanted = name.toLowerCase();
  for (let at = low.indexOf(wanted, from); at >= 0; at = low.indexOf(wanted, at + 1)) {
    const before = text[at - 1] ?? " ";
    const after = text[at + name.length] ?? " ";
    if (!/[\p{L}\p{N}_<]/u.test(before) && !/[\p{L}\p{N}_]/u.test(after)) return at;
  }
  return -1;
}
