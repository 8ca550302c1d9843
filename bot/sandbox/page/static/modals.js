/** The modals that bots open. */

import { Dialog } from "./dialogs.js";
import { entryOf } from "./entries.js";
import { interactionsOf } from "./interactions.js";

const NO_ANSWER = "The application did not respond. What you wrote is still here: submit it again.";

/**
 * @param {HTMLElement} overlays
 * @param {import("./app.js").Page} page
 */
export function mountModals(overlays, page) {
  page.live.on("modal", (event) => new Modal(page, event).show(overlays));
}

/** A modal that a bot has opened. */
class Modal {
  constructor(page, { interaction, modal }) {
    this.page = page;
    this.interaction = interaction;
    const parts = modal.components.map((component) => entryOf(component, page));
    this.entries = parts.filter((part) => part.id);
    const elements = parts.map((part) => part.element);
    this.dialog = new Dialog(page, modal.title, elements, { go: "Submit", send: () => this.#send() });
  }

  show(overlays) {
    this.dialog.show(overlays);
  }

  async #send() {
    if (!this.dialog.passes(this.entries)) return;
    await this.dialog.during(async () => {
      const values = {};
      for (const entry of this.entries) values[entry.id] = await entry.value();
      const { answer } = await interactionsOf(this.page).use("submit", { modal: this.interaction, values });
      const { state } = await answer;
      if (state === "failed") throw new Error(NO_ANSWER);
      this.dialog.close();
    });
  }
}
