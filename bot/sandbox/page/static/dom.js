/** The page's elements: one function that makes them, one that brings an old one up to date. */

/** What others than the one who draws have set. */
const KEPT = new Set(["aria-busy", "data-busy", "data-tapped", "preload"]);
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
 * Children with a `data-key` are known by it, wherever they stand among their siblings; the others by their order.
 * An element with `data-whole` is kept as it is as long as that value stays the same, and replaced otherwise; but not
 * while a popover in it is open: draw again when that is closed.
 *
 * @param {Node} old in the document
 * @param {Node} next not in it
 * @returns {Node} what is in the document now
 */
export function patch(old, next) {
  if (!isAlike(old, next)) return replace(old, next);
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
  return old.nodeName === next.nodeName && old.dataset?.whole === next.dataset?.whole && old.dataset?.key === next.dataset?.key;
}

function replace(old, next) {
  if (old.querySelector?.(":popover-open")) return old;
  const hadFocus = old.contains(document.activeElement);
  old.parentNode.replaceChild(next, old);
  if (hadFocus) next.querySelector?.("button, a, [tabindex]")?.focus({ preventScroll: true });
  return next;
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
  const children = [...next.childNodes];
  let at = old.firstChild;
  while (at && children.length && keyOf(at) === keyOf(children[0])) {
    const same = at;
    at = at.nextSibling;
    patch(same, children.shift());
  }
  if (at || children.length) rearrange(old, at, children);
}

/** Let other children stand where the old ones from `first` on do, and keep those that are known. */
function rearrange(parent, first, children) {
  const before = first ? first.previousSibling : parent.lastChild;
  const known = Map.groupBy(siblings(first), keyOf);
  const kept = children.map((child) => known.get(keyOf(child))?.shift());
  for (const gone of [...known.values()].flat()) gone.remove();
  let at = before ? before.nextSibling : parent.firstChild;
  for (const [index, child] of children.entries()) {
    const same = kept[index];
    if (same && same === at) at = at.nextSibling;
    else if (same) move(parent, same, at);
    if (same) patch(same, child);
    else parent.insertBefore(child, at);
  }
}

function* siblings(first) {
  for (let at = first; at; at = at.nextSibling) yield at;
}

function keyOf({ nodeName, dataset }) {
  return `${nodeName} ${dataset?.key ?? ""}`;
}

/** To another place among the siblings; newer browsers do it without taking the focus from it or stopping its clips. */
function move(parent, child, at) {
  if (parent.moveBefore) parent.moveBefore(child, at);
  else parent.insertBefore(child, at);
}

/**
 * @param {() => void} act
 * @returns {() => void} does it with the next frame, once, however often it is called until then
 */
export function eachFrame(act) {
  let frame = 0;
  const now = () => {
    frame = 0;
    act();
  };
  return () => {
    frame ||= requestAnimationFrame(now);
  };
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
