/** Moments in words, and those that tick. */

import { el } from "./dom.js";

const DAY_MS = 86_400_000;
const STEPS = [["year", 31_536_000], ["month", 2_592_000], ["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]];

const written = (options) => new Intl.DateTimeFormat("en-GB", options);
const HOUR = { hour: "2-digit", minute: "2-digit" };
const DATE = { day: "numeric", month: "long", year: "numeric" };
const STYLES = {
  t: written(HOUR),
  T: written({ ...HOUR, second: "2-digit" }),
  d: written({ day: "2-digit", month: "2-digit", year: "numeric" }),
  D: written(DATE),
  f: written({ ...DATE, ...HOUR }),
  F: written({ weekday: "long", ...DATE, ...HOUR }),
  s: written({ day: "2-digit", month: "2-digit", year: "numeric", ...HOUR }),
  S: written({ day: "2-digit", month: "2-digit", year: "numeric", ...HOUR, second: "2-digit" }),
};
const AWAY = new Intl.RelativeTimeFormat("en", { numeric: "always" });

/** @returns {string} "in 2 minutes", "3 hours ago" */
export function away(at_ms, now_ms) {
  const seconds = Math.round((at_ms - now_ms) / 1000);
  if (seconds === 0) return "now";
  const [unit, length] = STEPS.find(([, length]) => Math.abs(seconds) >= length) ?? STEPS.at(-1);
  return AWAY.format(Math.trunc(seconds / length), unit);
}

/** @returns {string} a moment in one of Discord's styles (Discord API reference, message formatting, timestamp styles) */
export function inStyle(at_ms, style, now_ms) {
  return style === "R" ? away(at_ms, now_ms) : (STYLES[style] ?? STYLES.f).format(at_ms);
}

/**
 * A `<t:…>` as an element; those of style R tick.
 *
 * @param {number} at_ms
 * @param {string} style
 * @param {import("./store.js").Store} store
 */
export function moment(at_ms, style, store) {
  const date = new Date(at_ms);
  if (Number.isNaN(date.getTime())) return el("span", { class: "moment" }, "Invalid date");
  return el(
    "time",
    {
      class: "moment",
      datetime: date.toISOString(),
      title: STYLES.F.format(at_ms),
      ...(style === "R" ? { "data-ticks": at_ms } : {}),
    },
    inStyle(at_ms, style, store.now()),
  );
}

/**
 * The time beside a message.
 *
 * @param {string} at ISO 8601
 * @param {import("./store.js").Store} store
 * @param {{short?: boolean}} [options]
 */
export function stamp(at, store, { short = false } = {}) {
  const at_ms = Date.parse(at);
  const words = short ? STYLES.t.format(at_ms) : `${dayWords(at_ms, store.now())}${STYLES.t.format(at_ms)}`;
  return el("time", { class: "stamp", datetime: at, title: STYLES.F.format(at_ms) }, words);
}

/** @returns {string} the day of a moment, as it stands between messages */
export function day(at) {
  return written({ weekday: "long", ...DATE }).format(Date.parse(at));
}

/** @returns {boolean} whether two ISO times are on the same day here */
export function isSameDay(one, other) {
  return new Date(one).toDateString() === new Date(other).toDateString();
}

function dayWords(at_ms, now_ms) {
  const midnight = new Date(now_ms).setHours(0, 0, 0, 0);
  if (at_ms >= midnight) return "";
  return at_ms >= midnight - DAY_MS ? "Yesterday, " : `${STYLES.d.format(at_ms)}, `;
}

/**
 * Let what ticks tick, while somebody looks.
 *
 * @param {import("./store.js").Store} store
 */
export function startTicking(store) {
  setInterval(() => {
    if (!document.hidden) for (const time of document.querySelectorAll("time[data-ticks]")) tick(time, store.now());
  }, 1000);
}

function tick(time, now_ms) {
  const words = away(Number(time.dataset.ticks), now_ms);
  if (time.textContent !== words) time.textContent = words;
}
