/** What this browser remembers between visits; one that keeps nothing for a page is asked anew each time. */

/**
 * @param {string} key
 * @returns {string|null} what was kept under it
 */
export function kept(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

/**
 * @param {string} key
 * @param {string} value
 */
export function keep(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch (error) {
    console.warn(`This browser keeps nothing for the page: ${error.message}`);
  }
}
