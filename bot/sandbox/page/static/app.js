/** The page: what it is made of, put together. */

import { mountBackstage } from "./backstage.js";
import { mountChannels } from "./channels.js";
import { mountComposer } from "./composer.js";
import { mountKeys } from "./keys.js";
import { Live } from "./live.js";
import { mountMembers } from "./members.js";
import { mountMenus } from "./menus.js";
import { mountMessages } from "./messages.js";
import { mountModals } from "./modals.js";
import { mountPeople } from "./people.js";
import { mountSelects } from "./selects.js";
import { mountShell } from "./shell.js";
import { Store } from "./store.js";
import { startTicking } from "./times.js";

/**
 * What parts of the page do for each other. Who writes and presses puts functions here; until then nothing happens.
 *
 * @typedef {Object} Hooks
 * @property {(component: Object, message: Object, button: HTMLButtonElement) => void} press a button was pressed
 * @property {(component: Object, message: Object) => HTMLElement} select makes a select; it is made anew when the
 *   component changes (the element is kept as long as the component stays the same)
 * @property {(message: Object, anchor: HTMLElement, point: {x: number, y: number}|null) => void} menu a message's menu
 *   was asked for, at a point or else at the anchor
 * @property {(name: string) => void} command a mention of a slash command was pressed
 */

/**
 * @typedef {Object} Page
 * @property {Live} live
 * @property {Store} store
 * @property {Hooks} hooks
 * @property {(channel: string, message?: string) => Promise<void>} open go to a channel, or to a message in it
 * @property {(channel: string, message?: string) => Promise<void>} reopen the same after a reconnect
 * @property {(person: string) => void} become be somebody else from now on
 * @property {(sentence: string, options?: {channel?: string, isError?: boolean}) => void} tell put a line that only this
 *   person sees below the messages
 * @property {(sentence: string) => void} announce say something to a screen reader
 * @property {import("./composer.js").Composer} [composer] where one writes
 */

const live = new Live(new URLSearchParams(location.search));
const store = new Store(live);

/** @type {Page} */
export const page = {
  live,
  store,
  hooks: { press() {}, select: () => document.createElement("span"), menu() {}, command() {} },
  async open() {},
  async reopen() {},
  become(person) {
    const address = new URL(location.href);
    address.searchParams.set("as", person);
    history.replaceState(null, "", address);
    live.start(address.searchParams);
  },
  tell() {},
  announce() {},
};

function container(id) {
  return document.getElementById(id);
}

mountShell(page);
mountChannels(container("channels"), page);
mountMessages(container("messages"), page);
mountMembers(container("members"), page);
mountComposer(container("composer"), page);
mountMenus(container("overlays"), page);
mountModals(container("overlays"), page);
mountSelects(container("overlays"), page);
mountPeople(container("people"), page);
mountKeys(container("shell"), page);
mountBackstage(container("backstage"), store, live);
startTicking(store);
live.start();
