// Keys that do something: of one letter each, so that they can be switched off.
import { html } from "../elements.js";
import { drawn, say } from "./words.js";

const STORED_AS = "ilios-shortcuts";

const help = document.getElementById("help");
const on = document.getElementById("shortcuts-on");
const shortcuts = [];

on.checked = localStorage.getItem(STORED_AS) !== "off";
on.addEventListener("change", () => {
  if (on.checked) localStorage.removeItem(STORED_AS);
  else localStorage.setItem(STORED_AS, "off");
});

/** Have a key do something while `where()` holds. */
export function shortcut(key, name, act, where = () => true) {
  shortcuts.push({ key, name, act, where });
}

export function openHelp() {
  help.showModal();
}

function isTyping(target) {
  return target.closest("input:not([type=radio], [type=checkbox], [type=file]), select, textarea, dialog") !== null;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || !on.checked || isTyping(event.target)) return;
  const found = shortcuts.find(({ key, where }) => key === event.key && where());
  if (!found) return;
  event.preventDefault();
  found.act();
});

document.getElementById("help-open").addEventListener("click", openHelp);
document.getElementById("help-close").addEventListener("click", () => help.close());

/** List the shortcuts in the help; to be called when all are there. */
export const listed = () => drawn(() => document.getElementById("help-list").replaceChildren(...shortcuts.map(({ key, name }) =>
  html("div", {}, html("dt", {}, html("kbd", {}, key)), html("dd", {}, say(`shortcut.${name}`))))));
