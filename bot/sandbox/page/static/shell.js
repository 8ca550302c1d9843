/** The frame around the channels and messages: header, lists on a phone, colours, and whether one is connected. */

/** @param {import("./app.js").Page} page */
export function mountShell(page) {
  page.store.on("hello", () => {
    document.title = page.store.guild.name;
  });
}
