/** The channels, with their threads under them. */

import { el } from "./dom.js";

/**
 * @param {HTMLElement} container
 * @param {import("./app.js").Page} page
 */
export function mountChannels(container, page) {
  const { store } = page;
  page.open = async (channel) => store.open(channel);
  const show = () => {
    const items = [...store.channels.values()].map((channel) =>
      el("li", {}, el("button", { type: "button", on: { click: () => page.open(channel.id) } }, channel.name)),
    );
    container.replaceChildren(el("ul", {}, ...items));
  };
  store.on("hello", () => {
    show();
    const first = store.place ?? [...store.channels.keys()][0];
    if (first) page.open(first);
  });
  store.on("channels", show);
}
