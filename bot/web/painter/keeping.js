/** A drawing that outlives a reload, for as long as the window is open. */

const WAIT_MS = 400;

/**
 * Keep a drawing under the hash of the link's token, and bring back what was kept.
 * @param {import("./drawing.js").Drawing} drawing
 * @param {string} token
 * @returns {Promise<{isRestored: boolean, forget: () => void}>}
 */
export async function keep(drawing, token) {
  const key = await nameFor(token);
  const isRestored = restored(drawing, key);
  let timer = 0;
  const write = () => store(key, drawing.isEmpty ? null : drawing.kept());
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(write, WAIT_MS);
  };
  const now = () => {
    if (timer) write();
  };
  drawing.addEventListener("change", soon);
  window.addEventListener("pagehide", now);
  const forget = () => {
    clearTimeout(timer);
    drawing.removeEventListener("change", soon);
    window.removeEventListener("pagehide", now);
    store(key, null);
  };
  return { isRestored, forget };
}

/** What was kept for a link that works no more is of no use. */
export async function forget(token) {
  store(await nameFor(token), null);
}

/** Null where the browser hashes nothing, because the page came without TLS from another machine. */
async function nameFor(token) {
  if (!window.crypto.subtle) return null;
  const hash = await window.crypto.subtle.digest("SHA-256", new TextEncoder().encode(token));
  return `painting ${Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

function restored(drawing, key) {
  try {
    const text = key && sessionStorage.getItem(key);
    return Boolean(text) && drawing.restore(text);
  } catch (error) {
    console.warn("What was kept of the drawing cannot be read.", error);
    return false;
  }
}

function store(key, text) {
  if (!key) return;
  try {
    sessionStorage.removeItem(key); // what is too large to be kept must not bring back an older one
    if (text !== null) sessionStorage.setItem(key, text);
  } catch (error) {
    console.warn("The drawing cannot be kept across a reload.", error);
  }
}
