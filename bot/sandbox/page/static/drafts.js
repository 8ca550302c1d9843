/** What was begun and is not sent yet, in each place: nothing of it is lost by going elsewhere or beginning something else. */

/**
 * One thing that was begun.
 *
 * @typedef {Object} Layer
 * @property {"message"|"edit"|"command"} kind
 * @property {string} said what is wrong with it, in a sentence for the person
 * @property {boolean} isBusy whether it is on its way
 * @property {string} [text] of a message, or of a change of one
 * @property {File[]} [files] of a message
 * @property {{message: Object, ping: boolean}|null} [reply] to what a message replies
 * @property {Object} [message] the message that is changed
 * @property {string} [before] the text that it had
 * @property {import("./command_form.js").CommandForm} [form] of a command
 */

/** What was begun in one place: layers, of which the topmost is written in. There is always one message among them. */
class Draft {
  constructor() {
    /** @type {Layer} */
    this.message = emptied({ kind: "message" });
    this.layers = [this.message];
  }

  /** @returns {Layer} */
  get top() {
    return this.layers.at(-1);
  }

  get isBlank() {
    const { text, files, reply } = this.message;
    return this.layers.length === 1 && !text && !files.length && !reply;
  }

  /** Go on with something, or begin it. */
  raise(layer) {
    this.layers = [...this.layers.filter((other) => other !== layer), layer];
  }

  /** Take something back without disturbing what is written meanwhile. */
  takeBack(layer) {
    if (this.isBlank) this.layers.push(layer);
    else this.layers.unshift(layer);
  }

  /** Add to the message, or to one beneath it while it is on its way: that is emptied once it is there. */
  add({ text, files = [] }) {
    if (this.message.isBusy) this.layers.unshift((this.message = emptied({ kind: "message" })));
    this.message.text = [this.message.text, text].filter(Boolean).join("\n");
    this.message.files = [...this.message.files, ...files];
  }

  /** Be through with something: what lies below it is gone on with. A message begins anew beneath everything. */
  end(layer) {
    this.layers = this.layers.filter((other) => other !== layer);
    if (layer === this.message) this.layers.unshift(emptied(layer));
  }
}

function emptied(message) {
  return Object.assign(message, { text: "", files: [], reply: null, said: "", isBusy: false });
}

/** The drafts of one person, by place. */
export class Drafts {
  #byPlace = new Map();

  /**
   * @param {string|null} place
   * @returns {Draft}
   */
  at(place) {
    if (!this.#byPlace.has(place)) this.#byPlace.set(place, new Draft());
    return this.#byPlace.get(place);
  }

  /** Be through with something, wherever it was carried meanwhile. */
  end(layer) {
    for (const draft of this.#byPlace.values()) if (draft.layers.includes(layer)) draft.end(layer);
  }

  /** Carry what was begun in a place that is gone to another one: how a message there was to be changed, as a message. */
  carry(from, to) {
    const { layers } = this.at(from);
    const draft = this.at(to);
    this.#byPlace.delete(from);
    for (const layer of layers) {
      if (layer.form) {
        layer.form.channel = to;
        draft.raise(layer);
      } else if (layer.kind === "message" && layer.isBusy) draft.takeBack(layer);
      else if (layer.text !== layer.before) draft.add(layer);
    }
  }

  /** A message is gone, which nothing can reply to any more. */
  unlink(id) {
    for (const { message } of this.#byPlace.values()) if (message.reply?.message.id === id) message.reply = null;
  }

  /** Forget everything. */
  clear() {
    this.#byPlace.clear();
  }
}
