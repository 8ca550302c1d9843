/** What to try, for somebody who is here for the first time. */

import { signButton } from "./buttons.js";
import { el } from "./dom.js";
import { keep, kept } from "./kept.js";

const KEY = "sandbox.hint.seen";

/**
 * @param {HTMLElement} container
 * @param {import("./app.js").Page} page
 */
export function mountHint(container, page) {
  if (kept(KEY)) return;
  const hint = el("section", { class: "hint", "aria-label": "What to try" });
  const close = () => {
    keep(KEY, "1");
    hint.remove();
    page.composer.focus();
  };
  hint.append(
    el("p", { class: "hint-title" }, "New here? Three ways to a clip:"),
    el(
      "ul",
      {},
      el("li", {}, "type ", el("kbd", {}, "/"), ", pick a command, and give it a picture;"),
      el("li", {}, "post a picture, then reply to it and mention the bot, ", el("kbd", {}, "@"), ";"),
      el("li", {}, "open the menu of a message with a picture (right click, long press or …): Apps."),
    ),
    signButton("close", "Close for good", close),
  );
  container.prepend(hint);
}
