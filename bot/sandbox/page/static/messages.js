/** The messages of the open channel. */

import { el } from "./dom.js";

/**
 * @param {HTMLElement} container
 * @param {import("./app.js").Page} page
 */
export function mountMessages(container, page) {
  const { store } = page;
  const show = () => {
    const { order, byId } = store.shelf(store.place);
    container.replaceChildren(
      ...order.map((id) => el("p", { dataset: { id } }, `${byId.get(id).author.username}: ${byId.get(id).content}`)),
    );
  };
  for (const name of ["place", "message", "history"]) store.on(name, () => store.place && show());
}
