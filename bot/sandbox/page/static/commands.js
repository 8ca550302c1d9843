/** Slash commands as bots have registered them. */

const SUB = 1;
const GROUP = 2;
const TYPED = /^\/([^\n/]*)$/u;

/**
 * One command that can be used: with its sub-commands it has one name.
 *
 * @typedef {Object} Command
 * @property {string} name "quota me"
 * @property {string} description
 * @property {Object[]} options as registered
 * @property {string} app id of the application
 */

/**
 * @param {Object[]} registered Discord's command objects
 * @returns {Command[]} by name
 */
export function flatten(registered) {
  const found = registered.flatMap((command) => leaves(command, "", command.application_id));
  return found.sort((one, other) => one.name.localeCompare(other.name));
}

function leaves({ name, description, options = [] }, before, app) {
  const whole = `${before}${name}`;
  const inner = options.filter((option) => option.type === SUB || option.type === GROUP);
  if (inner.length) return inner.flatMap((option) => leaves(option, `${whole} `, app));
  return [{ name: whole, description, options, app }];
}

/** What stands behind the slash where a text may be a command; null where it is none. */
export function asCommand(text) {
  return TYPED.exec(text)?.[1] ?? null;
}

/**
 * @param {Command[]} commands
 * @param {string} typed without the slash
 * @returns {{command: Command, isMeant: boolean}[]} those that fit, the best first; one is meant whose name begins so
 */
export function matching(commands, typed) {
  const wanted = typed.trim().toLowerCase().replace(/\s+/g, " ");
  const ranked = commands.map((command) => ({ command, rank: rank(command, wanted) })).filter(({ rank }) => rank < 4);
  ranked.sort((one, other) => one.rank - other.rank);
  return ranked.map(({ command, rank }) => ({ command, isMeant: rank < 2 }));
}

function rank({ name, description }, wanted) {
  if (name === wanted) return 0;
  if (name.startsWith(wanted)) return 1;
  if (name.split(" ").some((word) => word.startsWith(wanted))) return 2;
  return wanted.length > 2 && description.toLowerCase().includes(wanted) ? 3 : 4;
}

/** What bots offer in each place; asked once, and anew when a bot has registered anew or roles have changed. */
export class Offers {
  #asked = new Map();

  /** @param {import("./app.js").Page} page */
  constructor({ live, store }) {
    this.live = live;
    this.store = store;
    for (const name of ["commands", "guild", "application", "hello"]) live.on(name, () => this.#asked.clear());
    live.on("channel", ({ channel }) => this.#forget(channel.id));
  }

  /** @returns {Promise<Command[]>} what this person may use in the open channel */
  here() {
    const channel = this.store.place;
    if (!this.#asked.has(channel)) this.#asked.set(channel, this.#ask(channel));
    return this.#asked.get(channel);
  }

  /** What may be used in a channel and its threads is different, perhaps. */
  #forget(id) {
    for (const channel of this.#asked.keys()) {
      if (channel === id || this.store.channels.get(channel)?.parent_id === id) this.#asked.delete(channel);
    }
  }

  async #ask(channel) {
    try {
      const { commands } = await this.live.ask("offer", { channel });
      return flatten(commands);
    } catch (refused) {
      this.#asked.delete(channel);
      throw refused;
    }
  }
}

/**
 * @param {Command[]} commands
 * @param {string} typed without the slash
 * @returns {Command|null} the one that is typed to its end, with a space behind it, and begins no longer name
 */
export function typedWhole(commands, typed) {
  const name = typed.trimEnd();
  const possible = commands.filter((command) => `${command.name} `.startsWith(`${name} `));
  return typed !== name && possible.length === 1 && possible[0].name === name ? possible[0] : null;
}
