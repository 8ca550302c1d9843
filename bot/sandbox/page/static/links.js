/** Links that lead out of this page. */

import { el } from "./dom.js";

const WEB = new Set(["http:", "https:"]);
/** A button may lead into Discord's own app as well (Discord API reference, link buttons). */
const OF_BUTTONS = new Set([...WEB, "discord:"]);

/**
 * A link that opens in a window of its own; where the address is none that may be followed, only the words.
 *
 * @param {string} address as somebody wrote it
 * @param {{class?: string, title?: string, isButton?: boolean}} props
 * @param {...(Node|string|null)} words
 * @returns {HTMLElement}
 */
export function outward(address, { isButton = false, ...props }, ...words) {
  const schemes = isButton ? OF_BUTTONS : WEB;
  if (!URL.canParse(address) || !schemes.has(new URL(address).protocol)) return el("span", props, ...words);
  return el("a", { ...props, href: address, target: "_blank", rel: "noopener noreferrer" }, ...words);
}
