/** What is suggested while a message is written: commands behind a slash, names behind an @. */

import { asCommand, matching, typedWhole } from "./commands.js";
import { namesFor } from "./mentions.js";

/**
 * @param {HTMLTextAreaElement} input
 * @param {{store: import("./store.js").Store, offers: import("./commands.js").Offers, mayCommand: () => boolean,
 *   start: (command: import("./commands.js").Command) => void, fill: (text: string) => void}} writing `start` begins a
 *   command, `fill` writes into the field
 * @returns {import("./autocomplete.js").Source}
 */
export function completions(input, { store, offers, mayCommand, start, fill }) {
  async function commands(typed) {
    const offered = await offers.here();
    const whole = typedWhole(offered, typed);
    if (!whole) return matching(offered, typed).map(choiceOf);
    start(whole);
    return null;
  }

  function names(typed) {
    const choices = namesFor(typed.slice(0, input.selectionStart), store);
    return choices.map((choice) => ({ ...choice, value: { name: choice.name } }));
  }

  function mention(name) {
    const { selectionStart: at, value } = input;
    const before = value.slice(0, at).replace(/@[^@]*$/u, `${name} `);
    fill(before + value.slice(at));
    input.setSelectionRange(before.length, before.length);
  }

  const typedCommand = (typed) => (mayCommand() ? asCommand(typed) : null);
  return {
    label: "Suggestions",
    isEager: true,
    get nothing() {
      return typedCommand(input.value) === null ? undefined : "No command fits.";
    },
    look: (typed) => (typedCommand(typed) === null ? names(typed) : commands(typedCommand(typed))),
    take: ({ value }) => (value.command ? start(value.command) : mention(value.name)),
  };
}

function choiceOf({ command, isMeant }) {
  return { name: `/${command.name}`, hint: command.description, isLoose: !isMeant, value: { command } };
}
