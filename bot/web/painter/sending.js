/** What goes to the server, and what is asked before. */

import { STILL } from "./drawing.js";
import { mask } from "./masks.js";
import { covered } from "./strokes.js";

/**
 * What keeps a drawing from being sent, each with the part that it is about.
 * @param {import("./drawing.js").Drawing} drawing
 * @param {import("./words.js").Words} words
 * @returns {{part: number, tool: import("./tools.js").Tool, said: string}[]}
 */
export function problems(drawing, words) {
  const painted = drawing.parts.map((part) => covered(part.strokes, drawing.size) !== null);
  if (!painted.some(Boolean) && !drawing.parts.some((part) => part.path.length)) {
    return [{ part: drawing.chosen, tool: "brush", said: words.say("problem_nothing") }];
  }
  return drawing.parts.flatMap(({ path }, part) => {
    if (part === STILL || painted[part] === path.length > 0) return [];
    const values = { part: words.part(part) };
    if (painted[part]) return [{ part, tool: "path", said: words.say("problem_no_path", values) }];
    return [{ part, tool: "brush", said: words.say("problem_no_paint", values) }];
  });
}

/** The drawing cannot be sent; the text says why. */
export class Unsendable extends Error {}

/**
 * The body of what is sent.
 * @param {import("./drawing.js").Drawing} drawing without problems
 * @param {{prompt: string, model: {provider: string, model: string}, price: number}} chosen
 * @param {{mask_bytes: number, body_bytes: number}} limits
 * @param {import("./words.js").Words} words
 * @returns {Promise<string>}
 */
export async function body(drawing, chosen, limits, words) {
  const masks = [];
  for (const [number, { strokes }] of drawing.parts.entries()) {
    const blob = covered(strokes, drawing.size) && (await mask(strokes, drawing.size));
    if (blob && blob.size > limits.mask_bytes) {
      throw new Unsendable(words.say("too_detailed", { part: words.part(number) }));
    }
    masks.push(blob && (await base64(blob)));
  }
  const moving = drawing.parts
    .map(({ path }, number) => ({ mask: masks[number], path: path.map(({ x, y }) => [x, y]) }))
    .filter((one, number) => number !== STILL && one.mask);
  const text = JSON.stringify({ still: masks[STILL], moving, ...chosen });
  if (new Blob([text]).size > limits.body_bytes) throw new Unsendable(words.say("too_much"));
  return text;
}

function base64(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}

/**
 * @param {string} address
 * @param {string} text
 * @returns {Promise<{outcome: "made" | "asked" | "refused" | "gone", said: string, price?: number,
 *   price_words?: string}>} with the price where it was refused because that has risen
 */
export async function send(address, text) {
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch(address, { method: "POST", headers, body: text, referrerPolicy: "no-referrer" });
  return await answer.json();
}
