/** Slash commands where one writes: found, filled in, sent, and given back where no bot has answered. */

import { CommandForm } from "./command_form.js";
import { matching, Offers } from "./commands.js";
import { use } from "./interactions.js";

/** What a person does with slash commands. */
export class CommandUse {
  /**
   * @param {import("./app.js").Page} page
   * @param {HTMLElement} host where suggestions stand
   * @param {import("./drafts.js").Drafts} drafts
   * @param {{show: () => void, refuse: (sentence: string, layer: import("./drafts.js").Layer) => void}} told `show`
   *   what is in the drafts now
   */
  constructor(page, host, drafts, told) {
    this.page = page;
    this.host = host;
    this.drafts = drafts;
    this.told = told;
    this.offers = new Offers(page);
  }

  /**
   * @param {string} typed the name, or the beginning of it
   * @returns {Promise<import("./commands.js").Command|undefined>} what is meant here; rejects with `Refused`
   */
  async named(typed) {
    const [found] = matching(await this.offers.here(), typed);
    return found?.isMeant ? found.command : undefined;
  }

  /**
   * Begin a command in the open channel, with the files of the message that is written there.
   *
   * @param {import("./commands.js").Command} command
   * @returns {import("./drafts.js").Layer}
   */
  begin(command) {
    const { message } = this.drafts.at(this.page.store.place);
    const layer = { kind: "command", said: "", isBusy: false };
    layer.form = new CommandForm(command, this.page, {
      host: this.host,
      send: (options) => this.#send(layer, options),
      leave: () => this.#end(layer),
      refuse: (sentence) => this.told.refuse(sentence, layer),
    });
    message.files = layer.form.takeFiles(message.files);
    return layer;
  }

  /** Whoever writes is free again once the command is on its way. */
  async #send(layer, options) {
    const { channel, command } = layer.form;
    const { me } = this.page.store;
    const { answered } = await use(this.page, "slash", { channel, name: command.name, options });
    this.#end(layer);
    if (!(await answered) && this.page.store.me.id === me.id) this.#giveBack(layer);
  }

  #giveBack(layer) {
    const { channels, place } = this.page.store;
    const { form } = layer;
    if (!channels.has(form.channel)) form.channel = place;
    layer.said = `Nobody has answered /${form.command.name}. What you filled in is still here.`;
    this.drafts.at(form.channel).takeBack(layer);
    this.told.show();
  }

  #end(layer) {
    this.drafts.at(layer.form.channel).end(layer);
    this.told.show();
  }
}
