/** What the page says, in the words that came with the facts. */

export class Words {
  /** @param {Record<string, string>} words by name, with `{places}` */
  constructor(words) {
    this.words = words;
  }

  /**
   * @param {string} name
   * @param {Record<string, string | number>} [values] for the places
   */
  say(name, values = {}) {
    return this.words[name].replace(/\{(\w+)\}/g, (_, place) => String(values[place]));
  }

  /** What a part is called. */
  part(number) {
    return number === 0 ? this.say("still") : this.say("moves", { number });
  }
}
