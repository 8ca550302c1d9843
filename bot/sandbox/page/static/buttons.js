/** Buttons that are a sign. */

import { el } from "./dom.js";
import { icon } from "./icons.js";

/**
 * @param {string} sign
 * @param {string} label what it does, for who hears it and for who points at it
 * @param {() => void} act was pressed
 * @param {string} [kind] its class
 * @returns {HTMLButtonElement}
 */
export function signButton(sign, label, act, kind = "icon-button") {
  const words = { "aria-label": label, title: label };
  return el("button", { type: "button", class: kind, ...words, on: { click: act } }, icon(sign));
}
