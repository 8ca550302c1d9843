/** The page's elements: one function that makes them, one that brings an old one up to date. */

/** What others than the one who draws have set. */
const KEPT = new Set(["aria-busy", "preload"]);
const LINKS = new Set(["src", "poster"]);

/**
 * Make an element. Text comes in as children and is never read as HTML.
 *
 * @param {string} tag
 * @param {Object<string, any>} [props] `class`, `dataset`, `style` (custom properties too), `on` (listeners by event),
 *   attributes with a dash or `role`, and properties; `null`, `undefined` and `false` are left out
 * @param {...(Node|string|number|null|undefined|false|Array)} children
 * @returns {HTMLElement}
 */
export function el(tag, props = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value !== null && value !== undefined && value !== false) give(made, name, value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

function give(made, name, value) {
  if (name === "class") made.className = value;
  else if (name === "dataset") Object.assign(made.dataset, value);
  else if (name === "on") for (const [event, heard] of Object.entries(value)) made.addEventListener(event, heard);
  else if (name === "style") for (const [key, said] of Object.entries(value)) made.style.setProperty(key, said);
  else made.setAttribute(name, value === true ? "" : value);
}

/**
 * Make an old node say what a new one says, keeping every element that can be kept, so that the focus stays, a video
 * goes on and nothing flickers. Listeners of the new node are lost: listen on the list, not on what is patched.
 *
 * An element with `data-whole` is kept as it is as long as that value stays the same, and replaced otherwise.
 *
 * @param {Node} old in the document
 * @param {Node} next not in it
 * @returns {Node} what is in the document now
 */
export function patch(old, next) {
  if (!isAlike(old, next)) {
    old.parentNode.replaceChild(next, old);
    return next;
  }
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== next.data) old.data = next.data;
    return old;
  }
  if (old.dataset?.whole !== undefined) return old;
  patchAttributes(old, next);
  patchChildren(old, next);
  return old;
}

function isAlike(old, next) {
  if (old.nodeType !== next.nodeType || old.nodeName !== next.nodeName) return false;
  return old.dataset?.whole === next.dataset?.whole && old.dataset?.key === next.dataset?.key;
}

function patchAttributes(old, next) {
  for (const { name } of [...old.attributes]) {
    if (name !== "style" && !next.hasAttribute(name) && !KEPT.has(name)) old.removeAttribute(name);
  }
  for (const { name, value } of next.attributes) {
    if (name === "style" || old.getAttribute(name) === value || (KEPT.has(name) && old.hasAttribute(name))) continue;
    // A link to the same file is signed anew each time that it is told; the old one still works.
    if (LINKS.has(name) && path(old.getAttribute(name)) === path(value)) continue;
    old.setAttribute(name, value);
  }
  // The policy of the page forbids style attributes, not styles.
  if (old.style && old.style.cssText !== next.style.cssText) old.style.cssText = next.style.cssText;
}

function path(link) {
  return link === null ? null : link.split("?", 1)[0];
}

function patchChildren(old, next) {
  let at = old.firstChild;
  for (const child of [...next.childNodes]) {
    if (at === null) {
      old.append(child);
      continue;
    }
    const following = at.nextSibling;
    patch(at, child);
    at = following;
  }
  while (at !== null) {
    const following = at.nextSibling;
    at.remove();
    at = following;
  }
}

/**
 * Whether one id is older than another: ids grow with time and are too large for numbers.
 *
 * @param {string} one
 * @param {string} other
 */
export function isOlder(one, other) {
  return one.length === other.length ? one < other : one.length < other.length;
}
