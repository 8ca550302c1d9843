/** What opens above the page, next to what it belongs to. */

const GAP_PX = 6;
const EDGE_PX = 8;

/**
 * Put an open popover below a place, or above it where there is more room, and within the window.
 *
 * @param {HTMLElement} popup
 * @param {{left: number, right: number, top: number, bottom: number}} place
 */
export function putBeside(popup, place) {
  const { width, height } = popup.getBoundingClientRect();
  const below = innerHeight - place.bottom - GAP_PX - EDGE_PX;
  const above = place.top - GAP_PX - EDGE_PX;
  const top = height <= below || below >= above ? place.bottom + GAP_PX : place.top - GAP_PX - height;
  popup.style.setProperty("left", `${between(EDGE_PX, place.left, innerWidth - width - EDGE_PX)}px`);
  popup.style.setProperty("top", `${between(EDGE_PX, top, innerHeight - height - EDGE_PX)}px`);
}

/**
 * Put an open popover beside an element, and keep it there until it is closed or gone, whatever scrolls meanwhile.
 *
 * @param {HTMLElement} popup
 * @param {HTMLElement} element
 */
export function stayBeside(popup, element) {
  const open = new AbortController();
  const put = () => {
    if (popup.isConnected) putBeside(popup, element.getBoundingClientRect());
    else open.abort();
  };
  const scrolled = ({ target }) => popup.contains(target) || put();
  document.addEventListener("scroll", scrolled, { capture: true, passive: true, signal: open.signal });
  addEventListener("resize", put, { signal: open.signal });
  popup.addEventListener("toggle", ({ newState }) => newState === "closed" && open.abort(), { signal: open.signal });
  put();
}

/** A place of no size, where somebody pointed at. */
export function spot({ x, y }) {
  return { left: x, right: x, top: y - GAP_PX, bottom: y - GAP_PX };
}

/**
 * Move the focus among some elements with the arrows, Home, End and the first letters.
 *
 * @param {KeyboardEvent} event
 * @param {HTMLElement[]} items
 * @returns {boolean} whether the key was one of these
 */
export function rove(event, items) {
  const at = items.indexOf(document.activeElement);
  const next = target(event, items, at);
  if (!next) return false;
  event.preventDefault();
  next.focus();
  return true;
}

function target(event, items, at) {
  const count = items.length;
  switch (event.key) {
    case "ArrowDown":
      return items[(at + 1) % count];
    case "ArrowUp":
      return items[(Math.max(at, 0) - 1 + count) % count];
    case "Home":
      return items[0];
    case "End":
      return items[count - 1];
    default:
      return isLetter(event) ? byLetter(items, at, event.key.toLowerCase()) : undefined;
  }
}

function isLetter(event) {
  return event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey && !event.altKey;
}

function byLetter(items, at, letter) {
  const order = [...items.slice(at + 1), ...items.slice(0, at + 1)];
  return order.find((item) => item.textContent.trim().replace(/^[@#]/, "").toLowerCase().startsWith(letter));
}

function between(low, value, high) {
  return Math.max(low, Math.min(value, high));
}
