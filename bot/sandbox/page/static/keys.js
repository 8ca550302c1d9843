/** The keys that work everywhere on the page. */

/** Where letters mean something else, or where one does not expect them to lead away. */
const OWN = "input, textarea, select, [role=listbox], [role=menu], #backstage";

/**
 * @param {HTMLElement} _shell
 * @param {import("./app.js").Page} page
 */
export function mountKeys(_shell, page) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || event.target.closest(OWN)) return;
    if (document.querySelector("dialog[open], :popover-open")) return;
    if (isWriting(event)) page.composer?.focus();
  });
  // The address says what is open, and not where the focus is.
  document.getElementById("skip-to-writing").addEventListener("click", (event) => {
    event.preventDefault();
    page.composer.focus();
  });
}

/** Whether a key writes something: then it is meant for the composer, which gets it because it is focused in time. */
function isWriting(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  return event.key.length === 1 && event.key !== " ";
}
