/** Lines below the messages that only this person sees: what was refused, what did not answer. */

import { el } from "./dom.js";
import { icon } from "./icons.js";

const MOST = 5;

/** The notes of every channel; those of the open one are shown. */
export class Notes {
  /**
   * @param {HTMLElement} container
   * @param {import("./app.js").Page} page whose `tell` it is
   */
  constructor(container, page) {
    this.container = container;
    this.page = page;
    this.notes = [];
    page.tell = (sentence, options) => this.tell(sentence, options);
  }

  /**
   * @param {string} sentence
   * @param {{channel?: string, isError?: boolean}} [options] the open channel by default
   */
  tell(sentence, { channel = this.page.store.place, isError = false } = {}) {
    this.notes = [...this.notes.slice(1 - MOST), { sentence, channel, isError }];
    this.show();
    this.page.announce(sentence);
  }

  clear() {
    this.notes = [];
    this.show();
  }

  /** Show those of the channel that is open. */
  show() {
    const here = this.notes.filter((note) => note.channel === this.page.store.place);
    this.container.replaceChildren(...here.map((note) => this._line(note)));
  }

  _line(note) {
    const dismiss = () => {
      this.notes = this.notes.filter((other) => other !== note);
      this.show();
    };
    return el(
      "p",
      { class: note.isError ? "note error" : "note" },
      icon(note.isError ? "warning" : "eye"),
      el("span", {}, note.sentence, " "),
      el("button", { type: "button", class: "link", on: { click: dismiss } }, "Dismiss"),
    );
  }
}
