// The key: asked for once, when the service wants one, and kept in this tab.
import { coded } from "../elements.js";
import { say } from "./words.js";

const STORED_AS = "ilios-key"; // sessionStorage ends with the tab

const dialog = document.getElementById("ask");
const field = document.getElementById("key");
const problem = document.getElementById("key-problem");
const forget = document.getElementById("forget");

let key = sessionStorage.getItem(STORED_AS) ?? "";
let asking = null;
const entered = new Set();

export const headers = () => (key ? { Authorization: `Bearer ${key}` } : {});
/** Call a function whenever a key was entered, with whether another one was used before. */
export const onEntered = (act) => entered.add(act);
export const isMissing = () => document.body.dataset.needsKey === "yes" && !key;

/** Ask for a key; resolves to whether there is a new one. All that wait for it share one question. */
export function ask(reason = "") {
  asking ??= new Promise((resolve) => {
    problem.replaceChildren(...coded(reason));
    problem.hidden = !reason;
    dialog.showModal();
    field.focus();
    dialog.addEventListener("close", () => {
      asking = null;
      resolve(dialog.returnValue === "entered");
    }, { once: true });
  });
  return asking;
}

/** Ask anew if the key that was refused is still the one; resolves to whether to try again. */
export async function refused(sent, reason) {
  return sent !== headers().Authorization || ask(sent ? reason : "");
}

function show() {
  forget.hidden = !key;
}

dialog.querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const typed = field.value.trim();
  if (!/^[\x21-\x7e]+$/.test(typed)) {
    problem.textContent = say("key.signs");
    problem.hidden = false;
    field.focus();
    return;
  }
  const isOther = Boolean(key) && key !== typed;
  key = typed;
  sessionStorage.setItem(STORED_AS, key);
  field.value = "";
  show();
  dialog.close("entered");
  for (const act of entered) act(isOther);
});
dialog.addEventListener("cancel", () => { dialog.returnValue = ""; });
document.getElementById("key-cancel").addEventListener("click", () => dialog.close(""));
forget.addEventListener("click", () => {
  sessionStorage.removeItem(STORED_AS);
  location.assign("/"); // whatever was shown belonged to the key
});
show();
