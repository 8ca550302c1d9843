/** Fingers, pens, mice and keys on the easel, made into drawing, moving and zooming. */

import { distance } from "./geometry.js";

const MIDDLE = 1;
const ERASER = 5; // the other end of a pen (Pointer Events, 4.1.3.2)
const SECOND_FINGER_MS = 300; // a line that has just begun when a second finger comes was meant to be two fingers
const STEP = 48; // CSS pixels
const KEYS = {
  ArrowLeft: [STEP, 0],
  ArrowRight: [-STEP, 0],
  ArrowUp: [0, STEP],
  ArrowDown: [0, -STEP],
};

export class Gestures {
  #pointers = new Map();
  #mode = null; // "draw", "move" or null
  #since = 0;
  #isSpaceDown = false;
  #penWasSeen = false; // from then on fingers only move the picture: a hand rests on the screen

  /**
   * @param {HTMLElement} easel
   * @param {import("./view.js").View} view
   * @param {import("./tools.js").Tools} tools
   * @param {() => boolean} isBusy whether nothing may be drawn, because a preview runs
   */
  constructor(easel, view, tools, isBusy) {
    this.easel = easel;
    this.view = view;
    this.tools = tools;
    this.isBusy = isBusy;
    easel.addEventListener("pointerdown", (event) => this.#down(event));
    easel.addEventListener("pointermove", (event) => this.#moved(event));
    easel.addEventListener("pointerup", (event) => this.#up(event, true));
    easel.addEventListener("pointercancel", (event) => this.#up(event, false));
    easel.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    easel.addEventListener("keydown", (event) => this.#key(event));
    easel.addEventListener("keyup", (event) => event.key === " " && this.#space(false));
    easel.addEventListener("blur", () => this.#space(false));
    easel.addEventListener("contextmenu", (event) => event.preventDefault());
  }

  /** @returns {import("./geometry.js").Point} a place in the easel's window */
  at(event) {
    const box = this.easel.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  #down(event) {
    this.easel.focus({ preventScroll: true });
    if (event.button > MIDDLE && event.button !== ERASER) return;
    event.preventDefault();
    this.easel.setPointerCapture(event.pointerId);
    this.#pointers.set(event.pointerId, this.at(event));
    this.#penWasSeen ||= event.pointerType === "pen";
    if (this.#pointers.size > 1) this.#another(event);
    else this.#first(event);
  }

  #first(event) {
    this.#since = event.timeStamp;
    this.#mode = this.#draws(event) ? "draw" : "move";
    const tool = event.button === ERASER ? "eraser" : this.tools.tool;
    if (this.#mode === "draw") this.tools.begin(this.view.toPicture(this.at(event)), tool);
  }

  #draws(event) {
    if (event.button === ERASER) return !this.isBusy();
    const isHand = event.pointerType === "touch" && this.#penWasSeen;
    const isMoving = event.button === MIDDLE || this.#isSpaceDown || isHand;
    return !isMoving && !this.isBusy() && this.tools.draws;
  }

  #another(event) {
    if (this.#mode === "draw" && event.timeStamp - this.#since < SECOND_FINGER_MS) this.tools.drop();
    else if (this.#mode === "draw") this.tools.end();
    this.#mode = "move";
  }

  #moved(event) {
    const before = this.#pointers.get(event.pointerId);
    if (!before) return;
    if (this.#mode === "draw") this.#draw(event);
    else if (this.#pointers.size === 2) this.#pinch(event, before);
    else this.view.move(this.at(event).x - before.x, this.at(event).y - before.y);
    this.#pointers.set(event.pointerId, this.at(event));
  }

  #draw(event) {
    const between = event.getCoalescedEvents?.() ?? [];
    const events = between.length ? between : [event];
    this.tools.extend(events.map((one) => this.view.toPicture(this.at(one))));
  }

  #pinch(event, before) {
    const [other] = [...this.#pointers].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
    const now = this.at(event);
    const factor = distance(other, now) / Math.max(1, distance(other, before));
    this.view.pinch(factor, middle(other, before), middle(other, now));
  }

  #up(event, isWhole) {
    if (!this.#pointers.delete(event.pointerId) || this.#pointers.size) return;
    if (this.#mode === "draw" && isWhole) this.tools.end();
    else if (this.#mode === "draw") this.tools.drop();
    this.#mode = null;
  }

  #wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 24 : 1;
    const swiftness = event.ctrlKey ? 0.01 : 0.0015; // a trackpad says a pinch in small steps, with Ctrl
    this.view.zoomBy(Math.exp(-event.deltaY * lines * swiftness), this.at(event));
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== this.easel) return;
    const isOurs = this.#move(event.key) || this.#zoom(event.key) || event.key === " ";
    if (event.key === " ") this.#space(true);
    if (isOurs) event.preventDefault();
  }

  #move(key) {
    const step = KEYS[key];
    if (step) this.view.move(...step);
    return Boolean(step);
  }

  #zoom(key) {
    if (key === "+" || key === "=") this.view.zoomBy(1.25);
    else if (key === "-") this.view.zoomBy(0.8);
    else if (key === "0") this.view.fit();
    else return false;
    return true;
  }

  #space(isDown) {
    this.#isSpaceDown = isDown;
    this.easel.classList.toggle("moving", isDown);
  }
}

function middle(a, b) {
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
}
