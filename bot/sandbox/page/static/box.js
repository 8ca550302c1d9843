/** The field in which one writes, with its buttons. */

import { signButton } from "./buttons.js";
import { el } from "./dom.js";
import { fileInput } from "./files.js";
import { icon } from "./icons.js";
import { channelName } from "./names.js";

const DM = 1;

/** Shows the text of a layer, and tells what is done with it. */
export class Box {
  /**
   * @param {import("./store.js").Store} store
   * @param {{typed: (text: string) => void, key: (event: KeyboardEvent) => void, submit: () => void, slash: () => void,
   *   take: (files: File[]) => void}} told
   */
  constructor(store, { typed, key, submit, slash, take }) {
    this.store = store;
    this.input = el("textarea", { class: "composer-input", rows: 1, "aria-label": "Message", enterkeyhint: "send" });
    this.picker = fileInput({ label: "Files to send", multiple: true, take });
    this.picker.tabIndex = -1;
    this.attach = signButton("plus", "Add files", () => this.picker.click());
    this.slash = signButton("slash", "Use a command", slash);
    this.send = el("button", { class: "icon-button send-button", "aria-label": "Send", title: "Send" }, icon("send"));
    const parts = [this.attach, this.picker, this.input, this.slash, this.send];
    this.element = el("form", { class: "composer-box", "aria-label": "Write" }, ...parts);
    this.input.addEventListener("input", () => {
      this.#grow();
      typed(this.input.value);
    });
    this.input.addEventListener("keydown", key);
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      submit();
    });
  }

  focus() {
    this.input.focus();
  }

  /** @param {import("./drafts.js").Layer} layer what is written in; of a command there is nothing here */
  show(layer) {
    this.element.hidden = Boolean(layer.form);
    if (layer.form) return;
    const { channel } = this.store;
    const maySend = Boolean(channel) && channel.may.send !== false;
    this.input.disabled = !maySend;
    this.input.readOnly = layer.isBusy;
    this.input.placeholder = maySend ? `Message ${placeName(this.store, channel)}` : "You may not write here";
    this.attach.hidden = layer.kind === "edit" || channel?.may.attach === false;
    this.slash.hidden = layer.kind === "edit";
    this.send.toggleAttribute("data-busy", layer.isBusy);
    this.send.disabled = layer.isBusy || !maySend || !(layer.text.trim() || layer.files?.length);
    if (this.input.value === layer.text) return;
    this.input.value = layer.text;
    this.#grow();
  }

  #grow() {
    this.input.style.setProperty("height", "auto");
    this.input.style.setProperty("height", `${this.input.scrollHeight}px`);
  }
}

function placeName(store, channel) {
  return `${channel.type === DM ? "@" : "#"}${channelName(store, channel)}`;
}
