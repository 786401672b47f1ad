// Questions, and problems that belong to no row.
import { coded, html } from "../elements.js";
import { say } from "./words.js";

const question = document.getElementById("question");
const problems = document.getElementById("problems");

/** Ask a question; resolves to whether it was answered with the action. */
export function confirm(words, remedy, action) {
  question.returnValue = "";
  question.querySelector("h2").textContent = words;
  question.querySelector("p").textContent = remedy;
  question.querySelector("[value=yes]").textContent = action;
  question.showModal();
  return new Promise((resolve) => {
    question.addEventListener("close", () => resolve(question.returnValue === "yes"), { once: true });
  });
}

/** Say what went wrong with something, until it is put away. */
export function complain(about, problem) {
  const said = problem.said?.() ?? say("problem.page", { reason: problem.message });
  const message = html("div", { class: "notice", role: "alert" },
    html("p", {}, about ? html("strong", {}, about) : null, about ? " " : null, ...coded(said)),
    html("button", { type: "button", class: "quiet", click: () => message.remove() }, say("action.close")));
  problems.append(message);
}

const told = document.getElementById("told");

/** Have a screen reader say something. */
export function announce(words) {
  told.textContent = "";
  requestAnimationFrame(() => { told.textContent = words; });
}
