/**
 * The page on which motion is painted: fetches what it is about, puts the easel, the tools and the panel together, and
 * says how it ended. How it speaks with the server stands in `bot/web/painting_wire.py`.
 */

import { asking } from "./asking.js";
import { el } from "./dom.js";
import { Drawing } from "./drawing.js";
import { Gestures } from "./gestures.js";
import { forget, keep } from "./keeping.js";
import { Layers } from "./layers.js";
import { partList } from "./partlist.js";
import { CAN_WRITE } from "./png.js";
import { Preview } from "./preview.js";
import { Routes } from "./routes.js";
import { listen, toolbar } from "./toolbar.js";
import { Tools } from "./tools.js";
import { View } from "./view.js";
import { Words } from "./words.js";

const token = location.pathname.split("/").at(-1);
const GONE = 410;
const page = document.getElementById("painter");

/** Said before the page has words of its own: in the language of the rest of the web. */
const WITHOUT_WORDS = {
  old: "This browser is too old to paint with; update it, or use another.",
  lost: "The picture cannot be loaded at the moment. Load this page again.",
  gone: "This link works no more",
};

await begin();

async function begin() {
  if (!CAN_WRITE || !Array.prototype.with) return calm(WITHOUT_WORDS.old);
  try {
    const answer = await fetch(`${token}/facts`, { referrerPolicy: "no-referrer" });
    const facts = await answer.json();
    if (answer.status === GONE) await forget(token);
    if (!answer.ok) return calm(facts.said ?? WITHOUT_WORDS.gone);
    await open(facts, await loaded(`${token}/picture`));
  } catch (error) {
    console.warn("The page cannot begin.", error);
    calm(WITHOUT_WORDS.lost);
  }
}

async function loaded(address) {
  const picture = el("img", { class: "picture", alt: "", draggable: "false", referrerpolicy: "no-referrer" });
  picture.src = address;
  await picture.decode();
  return picture;
}

async function open(facts, picture) {
  const words = new Words(facts.words);
  document.documentElement.lang = facts.language;
  document.title = words.say("title");
  const drawing = new Drawing(facts.picture, facts.limits.groups);
  const kept = await keep(drawing, token);
  const parts = workshop(facts, picture, drawing, words);
  const end = (answer) => {
    kept.forget();
    parts.preview.stop();
    ended(answer, words);
  };
  const ask = asking(facts, parts, token, end);
  const panel = el("form", { class: "panel", submit: (event) => {
    event.preventDefault();
    ask.submit();
  } }, partList(parts), ...ask.elements);
  page.replaceChildren(head(facts, words), el("div", { class: "workshop" }, parts.easel, toolbar(parts)), panel);
  page.removeAttribute("aria-busy");
  hang(parts, picture);
  lapse(facts, words, kept);
  if (kept.isRestored) announce(words.say("restored"));
}

/** Everything that works on the drawing. */
function workshop(facts, picture, drawing, words) {
  const view = new View(facts.picture);
  const layers = new Layers(drawing, view);
  const tools = new Tools(drawing, view, layers, facts.limits.most_points);
  const preview = new Preview(picture, drawing);
  const routes = new Routes(drawing, view, tools, words);
  const easel = el("div", { class: "easel", tabindex: 0, role: "application", "aria-label": words.say("easel") },
    picture, preview.element, layers.element, routes.element, el("div", { class: "ring", hidden: true }));
  const parts = { drawing, view, tools, preview, words, routes, easel };
  new Gestures(easel, view, tools, () => preview.isPlaying);
  listen(easel, parts);
  return parts;
}

/** Let the picture, the preview and the brush's ring lie where the view says. */
function hang({ easel, view, tools, preview, drawing }, picture) {
  const ring = easel.querySelector(".ring");
  const place = () => {
    for (const sheet of [picture, preview.element]) {
      sheet.style.width = `${view.picture.width}px`;
      sheet.style.height = `${view.picture.height}px`;
      sheet.style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.scale})`;
    }
    picture.classList.toggle("large", view.scale > 3);
  };
  const tell = () => {
    easel.dataset.tool = tools.draws && !preview.isPlaying ? tools.tool : "hand";
    easel.classList.toggle("previewing", preview.isPlaying);
  };
  easel.style.setProperty("--shape", String(view.picture.width / view.picture.height));
  view.addEventListener("change", place);
  for (const source of [tools, preview]) source.addEventListener("change", tell);
  drawing.addEventListener("chosen", tell);
  drawing.addEventListener("change", () => preview.isPlaying && preview.stop());
  follow(easel, ring, tools, view);
  tell();
  new ResizeObserver(() => view.resize(easel.clientWidth, easel.clientHeight)).observe(easel);
}

/** A ring as large as the brush goes with the mouse or pen. */
function follow(easel, ring, tools, view) {
  const show = (event) => {
    const box = easel.getBoundingClientRect();
    const side = 2 * tools.radius * view.scale;
    ring.hidden = event.pointerType === "touch" || !["brush", "eraser"].includes(easel.dataset.tool);
    ring.style.width = ring.style.height = `${side}px`;
    ring.style.transform = `translate(${event.clientX - box.left - side / 2}px, ${event.clientY - box.top - side / 2}px)`;
  };
  easel.addEventListener("pointermove", show);
  easel.addEventListener("pointerdown", show);
  easel.addEventListener("pointerleave", () => (ring.hidden = true));
}

function head(facts, words) {
  const until = new Date(Date.now() + 1000 * facts.seconds_left);
  const locale = navigator.languages.find((one) => one.startsWith(facts.language)) ?? facts.language;
  const time = new Intl.DateTimeFormat(locale, { timeStyle: "short" }).format(until);
  return el("header", {},
    el("h1", {}, words.say("title")),
    el("p", {}, words.say("intro"), " ", el("span", { class: "until" }, words.say("works_until", { time }))));
}

/** When the link's time is over, say so where the button is; what was painted stays to be looked at. */
function lapse(facts, words, kept) {
  setTimeout(() => {
    kept.forget();
    const said = page.querySelector(".said");
    if (said) said.textContent = `${words.say("gone")}. ${words.say("ask_anew")}`;
  }, 1000 * Math.max(0, facts.seconds_left));
}

function ended({ outcome, said }, words) {
  if (outcome === "gone") return calm(said, words.say("gone"), words.say("ask_anew"));
  return calm(said, words.say("sent"), words.say("close"));
}

/** A page with nothing but a few sentences. */
function calm(said, title = null, more = null) {
  page.removeAttribute("aria-busy");
  const heading = title && el("h1", { tabindex: -1 }, title);
  page.replaceChildren(el("div", { class: "calm" }, heading, el("p", {}, said), more && el("p", {}, more)));
  if (heading) heading.focus();
  announce([title, said, more].filter(Boolean).join(" "));
}

function announce(text) {
  document.getElementById("announcer").textContent = text;
}
