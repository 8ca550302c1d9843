/** Messages, and changes of them, on their way. */

import { faultOf, upload } from "./files.js";
import { toWire } from "./mentions.js";

const MAX_TEXT = 2000;

/**
 * Why something cannot be sent as it is, before anybody has waited for it.
 *
 * @param {import("./drafts.js").Layer} layer
 * @param {import("./store.js").Store} store
 * @returns {string|null}
 */
export function faultIn({ text, files = [] }, store) {
  const length = [...text].length;
  if (length > MAX_TEXT) return `A message has ${MAX_TEXT} characters at most; this has ${length}.`;
  return files.map((file) => faultOf(file, store.uploadLimitBytes)).find(Boolean) ?? null;
}

/**
 * @param {import("./drafts.js").Layer} layer a message or a change of one
 * @param {string} channel where it was written, whatever is open when its files have arrived
 * @param {import("./app.js").Page} page
 * @returns {Promise<void>} rejects with `Refused`
 */
export async function post(layer, channel, { live, store }) {
  const text = toWire(layer.text.trim(), store);
  if (layer.kind === "edit") return live.ask("edit", { channel, message: layer.message.id, text });
  const { reply } = layer;
  const about = reply && { reply_to: reply.message.id, ping: reply.ping };
  const files = await Promise.all(layer.files.map((file) => upload(file, store, channel)));
  return live.ask("send", { channel, text, files, ...about });
}
