/** What the clip shall be: the prompt, the model and its price, what is amiss, and the button that sends it. */

import { el, set } from "./dom.js";
import { Unsendable, body, problems, send } from "./sending.js";

/**
 * @param {any} facts as the server gave them
 * @param {import("./toolbar.js").Parts} parts
 * @param {string} address where it is sent to
 * @param {(answer: {outcome: string, said: string}) => void} onEnd called once, when the link is used up
 * @returns {{elements: HTMLElement[], submit: () => Promise<void>}}
 */
export function asking(facts, parts, address, onEnd) {
  const { drawing, words } = parts;
  const prompt = promptField(facts, words);
  const model = modelField(facts, words);
  const trouble = troubleList(parts);
  const button = el("button", { type: "submit", class: "send" });
  const said = el("p", { class: "said", role: "alert" });
  const tell = () => {
    const key = facts.takes_place_of_question ? "send_to_question" : "send";
    button.textContent = words.say(key, { price: model.chosen().price_words });
  };
  model.select.addEventListener("change", tell);
  drawing.addEventListener("change", () => (said.textContent = ""));
  tell();

  async function submit() {
    if (button.getAttribute("aria-disabled") === "true" || trouble.hold()) return;
    set(button, "aria-disabled", "true");
    [button.textContent, said.textContent] = [words.say("sending"), ""];
    const asked = model.chosen();
    const { provider, model: name, price } = asked;
    const chosen = { prompt: prompt.value, model: { provider, model: name }, price };
    const answer = await sent(drawing, chosen, facts.limits, words, address);
    if (answer.outcome !== "refused") return onEnd(answer);
    said.textContent = answer.said;
    if (answer.price !== undefined) model.reprice(asked, answer);
    set(button, "aria-disabled", null);
    tell();
  }

  const fields = [prompt.element, model.element, ...about(facts, words)];
  const elements = [...fields, el("div", { class: "foot" }, trouble.element, said, button)];
  return { elements, submit };
}

async function sent(drawing, chosen, limits, words, address) {
  try {
    return await send(address, await body(drawing, chosen, limits, words));
  } catch (error) {
    if (error instanceof Unsendable) return { outcome: "refused", said: error.message };
    console.warn("The drawing was perhaps not sent.", error);
    return { outcome: "refused", said: words.say("perhaps_sent") };
  }
}

function promptField(facts, words) {
  const most = facts.limits.prompt_characters;
  const left = el("span", { class: "left", id: "left" });
  const area = el("textarea", { rows: 2, maxlength: most, "aria-describedby": "left", dir: "auto" });
  area.value = facts.prompt;
  const tell = () => {
    const rest = most - area.value.length;
    left.textContent = rest < most / 5 ? words.say("prompt_left", { number: rest }) : "";
  };
  area.addEventListener("input", tell);
  tell();
  const element = el("div", { class: "field" }, el("label", {}, el("span", { class: "name" }, words.say("prompt")), area), left);
  return {
    element,
    get value() {
      return area.value;
    },
  };
}

function modelField(facts, words) {
  const cautions = el("ul", { class: "cautions", id: "cautions" });
  const options = facts.models.map((model, i) => el("option", { value: i }, titleOf(model)));
  const select = el("select", { "aria-describedby": "cautions" }, ...options);
  const chosen = () => facts.models[Number(select.value)];
  const tell = () => cautions.replaceChildren(...chosen().cautions.map((text) => el("li", {}, text)));
  select.addEventListener("change", tell);
  tell();
  const about = facts.about ? el("span", { class: "left" }, facts.about) : null;
  const element = el("div", { class: "field" },
    el("label", {}, el("span", { class: "name" }, words.say("model")), select), about, cautions);
  const reprice = (model, { price, price_words }) => {
    Object.assign(model, { price, price_words });
    options[facts.models.indexOf(model)].textContent = titleOf(model);
  };
  return { element, select, chosen, reprice };
}

function titleOf(model) {
  return [model.name, model.quality, model.price_words].filter(Boolean).join(" · ");
}

/** What excludes what, said before anything is sent. */
function about(facts, words) {
  const notes = facts.notes.length ? [el("ul", { class: "notes" }, ...facts.notes.map((text) => el("li", {}, text)))] : [];
  if (!facts.others.length) return notes;
  const reasons = facts.others.map(({ name, why }) => el("li", {}, el("b", {}, name), " ", why.join(" ")));
  return [...notes, el("details", { class: "others" }, el("summary", {}, words.say("others")), el("ul", {}, ...reasons))];
}

function troubleList({ drawing, tools, words, easel }) {
  const list = el("ul", {});
  const element = el("div", { class: "trouble", role: "status" }, list);
  let amiss = [];
  const mend = (which) => {
    const { part, tool } = amiss[which];
    drawing.choose(part);
    tools.take(tool);
    easel.focus();
  };
  const item = ({ said }, which) =>
    el("li", {}, el("button", { type: "button", class: "quiet", click: () => mend(which) }, said));
  const tell = () => {
    const told = textOf(amiss);
    amiss = problems(drawing, words);
    if (textOf(amiss) !== told) list.replaceChildren(...amiss.map(item)); // or it would be read out anew each time
  };
  drawing.addEventListener("change", tell);
  drawing.addEventListener("chosen", tell);
  tell();
  /** Whether something is amiss; then the keyboard is put on the first of it. */
  const hold = () => {
    const first = list.querySelector("button");
    first?.focus();
    element.classList.toggle("pressing", first !== null);
    return first !== null;
  };
  return { element, hold };
}

function textOf(amiss) {
  return amiss.map(({ said }) => said).join("\n");
}
