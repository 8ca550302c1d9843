/** The one way in which this page makes elements: text is only ever text. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * @typedef {Record<string, string | number | boolean | null | undefined | ((event: any) => void)>} Props
 * Attributes; a function is a listener for the event of that name, true an attribute without a value, and what is
 * false, null or undefined is left out.
 */

/**
 * @param {string} tag
 * @param {Props} [props]
 * @param {...(Node | string | null)} children
 * @returns {any} the HTML element
 */
export function el(tag, props = {}, ...children) {
  return filled(document.createElement(tag), props, children);
}

/**
 * @param {string} tag
 * @param {Props} [props]
 * @param {...(Node | string | null)} children
 * @returns {any} the SVG element
 */
export function svg(tag, props = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), props, children);
}

function filled(element, props, children) {
  for (const [name, value] of Object.entries(props)) set(element, name, value);
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** Set an attribute, or take it away where `value` says that it is not there. */
export function set(element, name, value) {
  if (typeof value === "function") element.addEventListener(name, value);
  else if (value === false || value === null || value === undefined) element.removeAttribute(name);
  else element.setAttribute(name, value === true ? "" : String(value));
}
