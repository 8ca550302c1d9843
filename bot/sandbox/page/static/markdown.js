/** Discord's markdown as elements; whatever is no markup stays the text that it is. */

import { el } from "./dom.js";
import { outward } from "./links.js";
import { channelName, memberName } from "./names.js";
import { moment } from "./times.js";

const DEEPEST = 10;
const FENCE = "```";
const HEADING = /^(#{1,3}) +(\S.*)$/u;
const SUBTEXT = /^-# +(\S.*)$/u;
const ITEM = /^( {0,20})(?:([-*])|(\d{1,9})\.) +(\S.*)$/u;
const STARTS = /[\\`*_~|<[h@]/gu;
const BARE = /https?:\/\/[^\s<>]{1,2000}/uy;
const PUNCTUATION = /[.,:;!?'"*_~|\]]+$/u;
const ANGLED = /<(https?:\/\/[^\s<>]{1,2000})>/uy;
const MASKED = /\[((?:\\.|[^[\]\\\n]|\[[^[\]\n]*\]){1,1000})\]\(<?(https?:\/\/[^\s()<>]*(?:\([^\s()<>]*\)[^\s()<>]*)*)>?(?: "[^"\n]{0,200}")?\)/uy;
const MENTION = /<(?:@!?(?<user>\d{1,20})|@&(?<role>\d{1,20})|#(?<channel>\d{1,20})|\/(?<command>[^:<>\n]{1,100}):\d{1,20}|t:(?<time>-?\d{1,13})(?::(?<style>[tTdDfFRsS]))?|a?:(?<emoji>\w{1,32}):\d{1,20})>/uy;
const EVERYBODY = /@(?:everyone|here)\b/uy;
const PLACE = /^https:\/\/(?:\w+\.)?discord(?:app)?\.com\/channels\/(?:\d+|@me)\/(\d+)(?:\/(\d+))?$/u;

/**
 * Where something is read.
 *
 * @typedef {Object} Reading
 * @property {import("./store.js").Store} store
 * @property {Object|null} message
 * @property {Set<string>} revealed the spoilers that were opened
 * @property {string} key of the message; spoilers are numbered after it
 * @property {number} spoilers how many there were so far
 * @property {boolean} [isLinked] whether this stands in a link, which holds no other
 */

/**
 * @param {string} text
 * @param {Reading} reading
 * @returns {HTMLElement} a block
 */
export function markdown(text, reading) {
  return el("div", { class: "md" }, ...blocks(text, reading, 0));
}

/**
 * Markdown that stays on its line: a field's name, a quoted message.
 *
 * @param {string} text
 * @param {Reading} reading
 * @returns {Node[]}
 */
export function inline(text, reading) {
  return spans(text, reading, 0);
}

function blocks(text, reading, depth) {
  const made = [];
  let at = 0;
  while (at < text.length) {
    const start = text.indexOf(FENCE, at);
    const end = start < 0 ? -1 : text.indexOf(FENCE, start + 3);
    if (end < 0) break;
    made.push(...lines(trimEnd(text.slice(at, start)), reading, depth), codeBlock(text.slice(start + 3, end)));
    at = text[end + 3] === "\n" ? end + 4 : end + 3;
  }
  return [...made, ...lines(text.slice(at), reading, depth)];
}

function trimEnd(text) {
  return text.endsWith("\n") ? text.slice(0, -1) : text;
}

function codeBlock(text) {
  const [, language, body] = /^(?:([\w+#.-]{1,20})\n)?\n?([\s\S]*)$/u.exec(text);
  return el("pre", { "data-language": language }, el("code", {}, trimEnd(body)));
}

/** The kinds of lines that are no plain ones: each takes as many as are its own. */
const KINDS = [
  [(line) => line.startsWith(">>> "), quoteAll],
  [(line) => line.startsWith("> ") || line === ">", quote],
  [(line) => HEADING.test(line), heading],
  [(line) => SUBTEXT.test(line), subtext],
  [(line) => ITEM.test(line), list],
];

function lines(text, reading, depth) {
  if (!text) return [];
  const rest = text.split("\n");
  const made = [];
  let plain = [];
  const flush = () => {
    if (plain.length) made.push(el("span", { class: "run" }, ...spans(plain.join("\n"), reading, depth)));
    plain = [];
  };
  while (rest.length) {
    const kind = depth < DEEPEST && KINDS.find(([fits]) => fits(rest[0]));
    if (!kind) plain.push(rest.shift());
    else {
      flush();
      made.push(kind[1](rest, reading, depth));
    }
  }
  flush();
  return made;
}

function quoteAll(rest, reading, depth) {
  const text = rest.splice(0).join("\n").slice(4);
  return el("blockquote", {}, ...blocks(text, reading, depth + 1));
}

function quote(rest, reading, depth) {
  const quoted = [];
  while (rest.length && (rest[0].startsWith("> ") || rest[0] === ">")) quoted.push(rest.shift().slice(2));
  return el("blockquote", {}, ...blocks(quoted.join("\n"), reading, depth + 1));
}

function heading(rest, reading, depth) {
  const [, signs, text] = HEADING.exec(rest.shift());
  return el("h3", { class: `said-${signs.length}` }, ...spans(text.replace(/ +#+ *$/u, ""), reading, depth + 1));
}

function subtext(rest, reading, depth) {
  const [, text] = SUBTEXT.exec(rest.shift());
  return el("small", { class: "subtext" }, ...spans(text, reading, depth + 1));
}

function list(rest, reading, depth) {
  const [, indent, , first] = ITEM.exec(rest[0]);
  const made = el(first ? "ol" : "ul", first ? { start: first } : {});
  while (rest.length) {
    const found = ITEM.exec(rest[0]);
    if (!found || found[1].length < indent.length) break;
    if (found[1].length > indent.length + 1 && made.lastChild && depth < DEEPEST) {
      made.lastChild.append(list(rest, reading, depth + 1));
    } else {
      if (Boolean(found[3]) !== Boolean(first) && found[1].length === indent.length) break;
      rest.shift();
      made.append(el("li", {}, ...spans(found[4], reading, depth + 1)));
    }
  }
  return made;
}

/** What stands in a line, cut where something begins that is no plain text. */
function spans(text, reading, depth) {
  if (depth > DEEPEST) return [text];
  const made = [];
  let plain = 0;
  let at = 0;
  while (at < text.length) {
    STARTS.lastIndex = at;
    const start = STARTS.exec(text)?.index ?? text.length;
    if (start >= text.length) break;
    const found = span(text, start, reading, depth);
    if (found) {
      if (start > plain) made.push(text.slice(plain, start));
      made.push(...found.nodes);
      plain = at = found.end;
    } else {
      at = start + 1;
    }
  }
  if (plain < text.length) made.push(text.slice(plain));
  return made;
}

const BY_SIGN = {
  "\\": escaped,
  "`": code,
  "*": emphasis,
  _: emphasis,
  "~": emphasis,
  "|": spoiler,
  "<": angled,
  "[": masked,
  h: bare,
  "@": everybody,
};

function span(text, at, reading, depth) {
  return BY_SIGN[text[at]](text, at, reading, depth);
}

function escaped(text, at) {
  const next = text[at + 1];
  return next && /[^\w\s]/u.test(next) ? { nodes: [next], end: at + 2 } : null;
}

function code(text, at) {
  const ticks = text[at + 1] === "`" ? "``" : "`";
  const end = text.indexOf(ticks, at + ticks.length);
  if (end <= at + ticks.length - 1 || end === at + ticks.length) return null;
  const body = text.slice(at + ticks.length, end);
  return { nodes: [el("code", {}, ticks.length === 2 ? body.trim() : body)], end: end + ticks.length };
}

const MARKS = [["**", "strong"], ["__", "u"], ["~~", "s"], ["*", "em"], ["_", "em"]];

function emphasis(text, at, reading, depth) {
  for (const [mark, tag] of MARKS) {
    if (!text.startsWith(mark, at)) continue;
    const end = closing(text, at, mark);
    if (end > 0) {
      const inner = spans(text.slice(at + mark.length, end), reading, depth + 1);
      return { nodes: [el(tag, {}, ...inner)], end: end + mark.length };
    }
  }
  return null;
}

/** Where a mark that begins at `at` ends; 0 if it does not. */
function closing(text, at, mark) {
  const single = mark.length === 1;
  const begin = at + mark.length;
  if (single && (/\s/u.test(text[begin] ?? " ") || (mark === "_" && /\w/u.test(text[at - 1] ?? "")))) return 0;
  for (let end = text.indexOf(mark, begin); end > 0; end = text.indexOf(mark, end)) {
    if (text[end - 1] === "\\" || end === begin) end += 1;
    else if (single && text[end + 1] === mark) end += 2;
    else if (!single && text[end + 2] === mark[0]) end += 1;
    else if (single && (/\s/u.test(text[end - 1]) || (mark === "_" && /\w/u.test(text[end + 1] ?? "")))) end += 1;
    else return end;
  }
  return 0;
}

function spoiler(text, at, reading, depth) {
  const end = text.startsWith("||", at) ? text.indexOf("||", at + 3) : -1;
  if (end < 0) return null;
  return { nodes: [hidden(reading, () => spans(text.slice(at + 2, end), reading, depth + 1))], end: end + 2 };
}

function hidden(reading, inside) {
  const key = `${reading.key}/${reading.spoilers++}`;
  if (reading.revealed.has(key)) return el("span", { class: "spoiler" }, ...inside());
  const button = { class: "spoiler", role: "button", tabindex: 0, "data-reveal": key, "aria-label": "Spoiler: show it" };
  return el("span", button, el("span", { "aria-hidden": "true", inert: true }, ...inside()));
}

function sticky(pattern, text, at) {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function angled(text, at, reading) {
  const found = sticky(MENTION, text, at);
  if (found) return { nodes: [mention(found, reading)], end: at + found[0].length };
  const address = reading.isLinked ? null : sticky(ANGLED, text, at);
  return address && { nodes: [link(address[1], [address[1]], reading)], end: at + address[0].length };
}

function mention({ 0: whole, groups }, reading) {
  const { user, role, channel, command, time, style, emoji } = groups;
  if (time !== undefined) return moment(Number(time) * 1000, style ?? "f", reading.store);
  if (user) return el("span", { class: "mention", "data-user": user }, `@${memberName(reading.store, user)}`);
  if (role) return el("span", { class: "mention" }, `@${reading.store.roles.get(role)?.name ?? "unknown role"}`);
  if (channel) return place(channel, null, reading);
  if (command) return el("button", { type: "button", class: "mention", "data-command": command }, `/${command}`);
  return emoji ? el("span", { class: "emoji-name", title: whole }, `:${emoji}:`) : whole;
}

function place(channel, message, reading) {
  const found = reading.store.channels.get(channel);
  const name = found ? `#${channelName(reading.store, found)}` : "#unknown";
  return jump(channel, message, "mention", [message ? `${name} › message` : name]);
}

function jump(channel, message, kind, words) {
  const href = message ? `#${channel}/${message}` : `#${channel}`;
  return el("a", { class: kind, href, "data-place": channel, "data-jump": message }, ...words);
}

function masked(text, at, reading, depth) {
  const found = reading.isLinked ? null : sticky(MASKED, text, at);
  if (!found) return null;
  reading.isLinked = true;
  const words = spans(found[1], reading, depth + 1);
  reading.isLinked = false;
  return { nodes: [link(found[2], words, reading)], end: at + found[0].length };
}

function bare(text, at, reading) {
  const found = reading.isLinked ? null : sticky(BARE, text, at);
  if (!found) return null;
  const address = withoutRest(found[0]);
  return { nodes: [link(address, null, reading)], end: at + address.length };
}

/** An address ends before the punctuation behind it, and before a bracket that was opened before it. */
function withoutRest(found) {
  let address = found.replace(PUNCTUATION, "");
  let surplus = address.split(")").length - address.split("(").length;
  while (surplus > 0 && address.endsWith(")")) {
    address = address.slice(0, -1).replace(PUNCTUATION, "");
    surplus -= 1;
  }
  return address;
}

/** A link; one to a place in Discord leads there within this page. */
function link(address, words, reading) {
  const found = PLACE.exec(address);
  if (found) return words ? jump(found[1], found[2], "link", words) : place(found[1], found[2], reading);
  return outward(address, { title: address }, ...(words ?? [address]));
}

function everybody(text, at, reading) {
  const found = reading.message?.mention_everyone ? sticky(EVERYBODY, text, at) : null;
  return found && { nodes: [el("span", { class: "mention" }, found[0])], end: at + found[0].length };
}
