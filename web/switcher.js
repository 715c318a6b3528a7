/** Ctrl+K: go to a room or a person by some letters of the name. */

import { panel } from "./dialog.js";
import { make } from "./nodes.js";
import { t } from "./words.js";

/** Where one can go. `about`: what else to say. @typedef {{place: string, title: string, about: string}} Goal */

/** Goals that are shown. */
const SHOWN = 12;

/** @param {() => Goal[]} goals those there are, the likeliest first @param {(place: string) => void} go @returns {() => void} called when there are others */
export function showSwitcher(goals, go) {
  const box = document.createElement("input");
  box.setAttribute("role", "combobox");
  box.setAttribute("aria-label", t("switch.label"));
  box.setAttribute("aria-controls", "goals");
  box.setAttribute("aria-autocomplete", "list");
  box.setAttribute("aria-expanded", "true");
  box.placeholder = t("switch.label");
  box.autocomplete = "off";
  box.spellcheck = false;
  const list = make("ul", "goals");
  list.id = "goals";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", t("switch.title"));
  const { dialog } = panel(t("switch.title"), [make("p", "field", box), list]);
  /** @type {Goal[]} */
  let shown = [];
  let picked = 0;
  box.addEventListener("input", () => show(0));
  box.addEventListener("keydown", event => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && shown.length) show((picked + step + shown.length) % shown.length);
    else if (event.key === "Enter" && !event.isComposing && event.keyCode !== 229) take(shown[picked]);
    else return;
    event.preventDefault();
  });
  list.addEventListener("click", ({ target }) => {
    const option = target instanceof Element && target.closest("li");
    if (option) take(shown[[...list.children].indexOf(option)]);
  });
  show(0);
  box.focus();
  return () => show(picked);

  /** @param {number} at */
  function show(at) {
    const wanted = box.value.trim().replace(/^[#@]/u, "").toLowerCase();
    const all = goals();
    const placed = all.map(goal => ({ goal, at: goal.title.toLowerCase().replace(/^#/u, "").indexOf(wanted) }));
    const [begins, holds] = [placed.filter(({ at }) => at === 0), placed.filter(({ at }) => at > 0)];
    shown = [...begins, ...holds].slice(0, SHOWN).map(({ goal }) => goal);
    const room = wanted.replace(/\s+/gu, "-");
    if (wanted && !all.some(({ place }) => place === room)) shown.push({ place: room, title: `#${room}`, about: t("switch.new") });
    picked = Math.min(at, shown.length - 1);
    list.replaceChildren(...shown.map(({ title, about }, place) => {
      const option = make("li", "", make("bdi", "", title), make("span", "quiet", about));
      option.id = `goal-${place}`;
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", `${place === picked}`);
      return option;
    }));
    box.setAttribute("aria-activedescendant", `goal-${picked}`);
    list.children[picked]?.scrollIntoView({ block: "nearest" });
  }

  /** @param {Goal} [goal] */
  function take(goal) {
    if (!goal) return;
    dialog.close();
    go(goal.place);
  }
}
