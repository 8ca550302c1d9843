/** What this person sees: the server, its channels and messages, kept up to date by the events. */

import { isOlder } from "./dom.js";
import { Signals } from "./live.js";

export const FLAG = { EPHEMERAL: 1 << 6, LOADING: 1 << 7, V2: 1 << 15 };
export const THREADS = new Set([10, 11, 12]);
const PAGE = 50;
const MOST_KEPT = 500;

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
 * Signals: `person` (one is somebody else; before `hello`) · `hello` · `guild` (roles, members, limits) · `applications` · `channels` {id} (one changed, came or went) ·
 * `place` (another channel was opened) · `message` {channel, id, change: "new"|"changed"|"gone", was} (`was`: the message
 * before it changed) · `history` {channel} (older ones came) · `length` {id} (of a thread) · `unread` {channel} · `lost` {parent} (the open channel is gone). Everything else (`commands`,
 * `interaction`, `modal`, `backstage`, `restart`) is a signal of `live`.
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
    /** @type {Map<string, Object>} channels, threads and direct messages */
    this.channels = new Map();
    /** @type {Map<string, Object>} with `online`, by the id of their user */
    this.applications = new Map();
    /** Id of the channel that is open; messages are kept of those alone that were opened. */
    this.place = null;
    this.uploadLimitBytes = 0;
    this.hello = null;
    /** @type {Map<string, {count: number, pings: number}>} by channel */
    this.unread = new Map();
    this._shelves = new Map();
    this._ahead_ms = 0;
    live.on("hello", (event) => this._greet(event));
    live.on("guild", (event) => this._take(event, "guild"));
    live.on("application", ({ application }) => this._application(application));
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
    // Whose connection was lost meanwhile, or whose oldest were let go of, asks again.
    if (this._shelves.get(channel) !== shelf || (before && before !== shelf.order[0])) return;
    for (const message of page) if (!shelf.byId.has(message.id)) shelve(shelf, message);
    shelf.isLoaded = true;
    // Ephemeral messages come besides.
    shelf.isWhole = page.filter((message) => !(message.flags & FLAG.EPHEMERAL)).length < limit;
    this.emit("history", { channel });
  }

  /** Let go of the oldest messages of a channel, where there are many; they can be fetched again. */
  trim(channel) {
    const shelf = this.shelf(channel);
    const surplus = shelf.order.length - MOST_KEPT;
    if (surplus < PAGE) return [];
    shelf.isWhole = false;
    const gone = shelf.order.splice(0, surplus);
    for (const id of gone) shelf.byId.delete(id);
    return gone;
  }

  /** Nothing in the channel that is open is unread any more. */
  read() {
    if (this.place && this.unread.delete(this.place)) this.emit("unread", { channel: this.place });
  }

  _greet(hello) {
    this.hello = hello;
    if (this.me && this.me.id !== hello.me.id) this.emit("person");
    this._ahead_ms = Date.parse(hello.time) - Date.now();
    this._shelves.clear();
    this.unread.clear();
    this._take(hello, "hello");
  }

  _take(said, signal) {
    this.me = said.me;
    this.people = said.people;
    this.guild = said.guild;
    this.members = byId(said.guild.members, (member) => member.user.id);
    this.roles = byId(said.guild.roles, (role) => role.id);
    this.channels = byId(said.channels, (channel) => channel.id);
    this.applications = byId(said.applications, (application) => application.user.id);
    this.uploadLimitBytes = said.upload_limit_bytes;
    for (const id of this._shelves.keys()) if (!this.channels.has(id)) this._shelves.delete(id);
    const lost = this.place && !this.channels.has(this.place) ? this.place : null;
    if (lost) this.place = null;
    this.emit(signal, said);
    if (lost && signal === "guild") this.emit("lost", { parent: null });
  }

  _put(message, change) {
    const { channel_id: channel, id } = message;
    const shelf = this._shelves.get(channel);
    const was = shelf?.byId.get(id);
    if (!was && change === "changed") return;
    if (was) shelf.byId.set(id, message);
    else if (shelf) shelve(shelf, message);
    if (shelf && channel !== this.place) this.trim(channel);
    this.emit("message", { channel, id, change: was ? "changed" : "new", was });
    if (was) return;
    this._lengthen(message);
    if (message.author.id !== this.me.id) this._count(message);
  }

  /** A thread does not say that it has grown; its messages say how far. */
  _lengthen({ channel_id: id, position = 0 }) {
    const channel = this.channels.get(id);
    if (!THREADS.has(channel?.type) || position <= channel.message_count) return;
    this.channels.set(id, { ...channel, message_count: position });
    this.emit("length", { id });
  }

  _count(message) {
    const channel = message.channel_id;
    if (channel === this.place && !document.hidden) return;
    const { count, pings } = this.unread.get(channel) ?? { count: 0, pings: 0 };
    this.unread.set(channel, { count: count + 1, pings: pings + (message.pings_me ? 1 : 0) });
    this.emit("unread", { channel });
  }

  _remove(channel, id) {
    const shelf = this._shelves.get(channel);
    if (!shelf?.byId.delete(id)) return;
    shelf.order.splice(shelf.order.indexOf(id), 1);
    this.emit("message", { channel, id, change: "gone" });
  }

  _channel(channel) {
    this.channels.set(channel.id, channel);
    this.emit("channels", { id: channel.id });
  }

  _channelGone(id) {
    const { parent_id: parent } = this.channels.get(id) ?? {};
    this.channels.delete(id);
    this._shelves.delete(id);
    this.unread.delete(id);
    this.emit("channels", { id });
    if (id !== this.place) return;
    this.place = null;
    this.emit("lost", { parent });
  }

  _application(application) {
    this.applications.set(application.user.id, application);
    this.emit("applications");
  }
}

function byId(entries, id) {
  return new Map(entries.map((entry) => [id(entry), entry]));
}

function shelve(shelf, message) {
  shelf.byId.set(message.id, message);
  let at = shelf.order.length;
  while (at > 0 && isOlder(message.id, shelf.order[at - 1])) at -= 1;
  shelf.order.splice(at, 0, message.id);
}
