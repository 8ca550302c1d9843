/** The keys that work everywhere on the page. */

const WRITES = "input, textarea, select, [role=listbox], [role=menu]";

/**
 * @param {HTMLElement} _shell
 * @param {import("./app.js").Page} page
 */
export function mountKeys(_shell, page) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || event.target.closest(WRITES)) return;
    if (document.querySelector("dialog[open], :popover-open")) return;
    if (isWriting(event)) page.composer?.focus();
  });
}

/** Whether a key writes something: then it is meant for the composer, which gets it because it is focused in time. */
function isWriting(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  return event.key.length === 1 && event.key !== " ";
}
