/** What this person sees: the server, its channels and messages, kept up to date by the events. */

import { isOlder } from "./dom.js";
import { Signals } from "./live.js";

export const FLAG = { EPHEMERAL: 1 << 6, LOADING: 1 << 7, V2: 1 << 15 };
export const THREADS = new Set([10, 11, 12]);
const PAGE = 50;

/**
 * The messages of one channel, the oldest first.
 *
 * @typedef {Object} Shelf
 * @property {string[]} order ids
 * @property {Map<string, Object>} byId Discord's message objects with `pings_me` and `may`
 * @property {boolean} isLoaded whether the newest are here
 * @property {boolean} isWhole whether the oldest is here
 */

/**
 * Signals: `hello` · `channels` (some channel changed) · `place` (another channel was opened) · `message` {channel, id,
 * change: "new"|"changed"|"gone"} · `history` {channel} (older ones, or all of them) · `unread` {channel}. Everything
 * else (`commands`, `interaction`, `modal`, `backstage`, `restart`) is a signal of `live`.
 */
export class Store extends Signals {
  /** @param {import("./live.js").Live} live */
  constructor(live) {
    super();
    this.live = live;
    /** The person that one is: a user object. */
    this.me = null;
    /** Who one may be: user objects. */
    this.people = [];
    this.guild = null;
    /** @type {Map<string, Object>} members by the user's id */
    this.members = new Map();
    /** @type {Map<string, Object>} */
    this.roles = new Map();
    /** @type {Map<string, Object>} channels and threads */
    this.channels = new Map();
    /** Id of the channel that is open. */
    this.place = null;
    this.uploadLimitBytes = 0;
    this.hello = null;
    /** @type {Map<string, {count: number, pings: number}>} by channel */
    this.unread = new Map();
    this._shelves = new Map();
    this._ahead_ms = 0;
    live.on("hello", (event) => this._greet(event));
    live.on("message", (event) => this._put(event.message, "new"));
    live.on("message_update", (event) => this._put(event.message, "changed"));
    live.on("message_delete", (event) => this._remove(event.channel, event.message));
    live.on("channel", (event) => this._channel(event.channel));
    live.on("channel_delete", (event) => this._channelGone(event.channel));
  }

  /** The sandbox's time, in milliseconds since the epoch. */
  now() {
    return Date.now() + this._ahead_ms;
  }

  /** The channel that is open; undefined before there is one. */
  get channel() {
    return this.channels.get(this.place);
  }

  /**
   * @param {string} channel
   * @returns {Shelf}
   */
  shelf(channel) {
    if (!this._shelves.has(channel)) {
      this._shelves.set(channel, { order: [], byId: new Map(), isLoaded: false, isWhole: false });
    }
    return this._shelves.get(channel);
  }

  /**
   * @param {string} channel
   * @param {string} id
   * @returns {Object|undefined} the message
   */
  message(channel, id) {
    return this._shelves.get(channel)?.byId.get(id);
  }

  /** Open a channel, with its newest messages. */
  async open(channel) {
    this.place = channel;
    this.unread.delete(channel);
    this.emit("place");
    this.emit("unread", { channel });
    if (!this.shelf(channel).isLoaded) await this.older(channel);
  }

  /**
   * Fetch a page of older messages, or of the newest where there is none yet.
   *
   * @returns {Promise<void>} rejects with `Refused`
   */
  async older(channel, limit = PAGE) {
    const shelf = this.shelf(channel);
    if (shelf.isWhole) return;
    const before = shelf.isLoaded ? shelf.order[0] : undefined;
    const page = await this.live.ask("history", { channel, limit, ...(before ? { before } : {}) });
    if (this._shelves.get(channel) !== shelf) return;
    for (const message of page) if (!shelf.byId.has(message.id)) place(shelf, message);
    shelf.isLoaded = true;
    shelf.isWhole = page.length < limit;
    this.emit("history", { channel });
  }

  /** Forget what only this person saw, as Discord does. */
  dismiss(channel, id) {
    this._remove(channel, id);
  }

  _greet(hello) {
    this.hello = hello;
    this.me = hello.me;
    this.people = hello.people;
    this.guild = hello.guild;
    this.members = new Map(hello.guild.members.map((member) => [member.user.id, member]));
    this.roles = new Map(hello.guild.roles.map((role) => [role.id, role]));
    this.channels = new Map(hello.channels.map((channel) => [channel.id, channel]));
    this.uploadLimitBytes = hello.upload_limit_bytes;
    this._ahead_ms = Date.parse(hello.time) - Date.now();
    this._shelves.clear();
    this.unread.clear();
    if (!this.channels.has(this.place)) this.place = null;
    this.emit("hello", hello);
  }

  _put(message, change) {
    const shelf = this.shelf(message.channel_id);
    const isKnown = shelf.byId.has(message.id);
    if (!isKnown && change === "changed") return;
    if (isKnown) shelf.byId.set(message.id, message);
    else place(shelf, message);
    this.emit("message", { channel: message.channel_id, id: message.id, change: isKnown ? "changed" : "new" });
    if (!isKnown && message.author.id !== this.me.id) this._count(message);
  }

  _count(message) {
    const channel = message.channel_id;
    if (channel === this.place && !document.hidden) return;
    const { count, pings } = this.unread.get(channel) ?? { count: 0, pings: 0 };
    this.unread.set(channel, { count: count + 1, pings: pings + (message.pings_me ? 1 : 0) });
    this.emit("unread", { channel });
  }

  _remove(channel, id) {
    const shelf = this.shelf(channel);
    if (!shelf.byId.delete(id)) return;
    shelf.order.splice(shelf.order.indexOf(id), 1);
    this.emit("message", { channel, id, change: "gone" });
  }

  _channel(channel) {
    this.channels.set(channel.id, channel);
    this.emit("channels");
  }

  _channelGone(id) {
    this.channels.delete(id);
    this._shelves.delete(id);
    this.unread.delete(id);
    this.emit("channels");
  }
}

function place(shelf, message) {
  shelf.byId.set(message.id, message);
  let at = shelf.order.length;
  while (at > 0 && isOlder(message.id, shelf.order[at - 1])) at -= 1;
  shelf.order.splice(at, 0, message.id);
}
