/** The connection to the sandbox: questions and their answers, events, and coming back by itself. */

const FIRST_WAIT_MS = 250;
const RESTART_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 5_000;

/** What the sandbox will not do, in a sentence for the person. */
export class Refused extends Error {}

/** Who listens to what, by name. */
export class Signals {
  #heard = new Map();

  /**
   * @param {string} name
   * @param {(value: any) => void} listener
   * @returns {() => void} stops listening
   */
  on(name, listener) {
    if (!this.#heard.has(name)) this.#heard.set(name, new Set());
    this.#heard.get(name).add(listener);
    return () => this.#heard.get(name).delete(listener);
  }

  /**
   * @param {string} name
   * @param {any} [value]
   */
  emit(name, value) {
    for (const listener of this.#heard.get(name) ?? []) listener(value);
  }
}

/**
 * One person's websocket. Every event of the protocol is a signal of its name, and `state` says "open" or "lost".
 * After a reconnect the sandbox says `hello` again.
 */
export class Live extends Signals {
  #socket = null;
  #asked = new Map();
  #number = 0;
  #wait_ms = FIRST_WAIT_MS;
  #timer = 0;

  /** @param {URLSearchParams} whom `as` and `guild`: ids; the sandbox proposes what is not said */
  constructor(whom) {
    super();
    this.whom = whom;
    this.isOpen = false;
  }

  /** Connect, as somebody else where that is asked for, and stay connected. */
  start(whom = this.whom) {
    this.whom = whom;
    clearTimeout(this.#timer);
    if (this.#socket) this.#end();
    const address = new URL("/page/live", location.href);
    address.protocol = address.protocol.replace("http", "ws");
    for (const name of ["as", "guild"]) if (whom.has(name)) address.searchParams.set(name, whom.get(name));
    const socket = new WebSocket(address);
    this.#socket = socket;
    socket.onmessage = (event) => socket === this.#socket && this.#hear(JSON.parse(event.data));
    socket.onclose = () => socket === this.#socket && this.#lost();
  }

  /**
   * Ask for something of the protocol.
   *
   * @param {string} verb
   * @param {Object<string, any>} [fields]
   * @returns {Promise<any>} the answer's value; rejects with `Refused`
   */
  ask(verb, fields = {}) {
    if (!this.isOpen) return Promise.reject(new Refused("The connection is lost; it comes back by itself."));
    const id = ++this.#number;
    this.#socket.send(JSON.stringify({ ...fields, id, do: verb }));
    return new Promise((resolve, reject) => this.#asked.set(id, { resolve, reject }));
  }

  #hear(said) {
    for (const one of Array.isArray(said) ? said : [said]) {
      if (one.on) this.#event(one);
      else this.#answer(one);
    }
  }

  #event(event) {
    if (event.on === "hello") {
      this.isOpen = true;
      this.#wait_ms = FIRST_WAIT_MS;
      this.emit("state", "open");
    }
    if (event.on === "restart") this.#wait_ms = RESTART_WAIT_MS;
    this.emit(event.on, event);
  }

  #answer({ re, value, refused }) {
    const asked = this.#asked.get(re);
    this.#asked.delete(re);
    if (refused === undefined) asked?.resolve(value);
    else asked?.reject(new Refused(refused));
  }

  #lost() {
    this.#end();
    this.#timer = setTimeout(() => this.start(), this.#wait_ms);
    this.#wait_ms = Math.min(this.#wait_ms * 2, LONGEST_WAIT_MS);
  }

  #end() {
    const socket = this.#socket;
    this.#socket = null;
    this.isOpen = false;
    socket?.close();
    for (const { reject } of this.#asked.values()) reject(new Refused("The connection was lost; try it again."));
    this.#asked.clear();
    this.emit("state", "lost");
  }
}
