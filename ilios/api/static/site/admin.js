// Asks for the status every few seconds, and says in words what is wrong when it does not come.
import { show } from "./admin-view.js";

const REFRESH_MS = 5000;
const ANSWER_MS = 15000;
const STORED_AS = "ilios-operator-key"; // of this tab only: sessionStorage ends with it

const find = (id) => document.getElementById(id);
let key = sessionStorage.getItem(STORED_AS) ?? "";
let timer = null;
let round = 0; // an answer that was overtaken, by another key for example, is not shown
let shownAt = null;

function ask(problem) {
  complain(problem);
  find("ask").hidden = false;
  find("key").focus();
}

function complain(problem) {
  find("problem").textContent = problem;
  find("problem").hidden = !problem;
}

function say() {
  const asOf = shownAt ? `As of ${shownAt.toLocaleTimeString()}` : "Nothing has come yet";
  find("as-of").textContent = timer === null ? `${asOf}.` : `${asOf}; asked again every ${REFRESH_MS / 1000} s.`;
  find("forget").hidden = !key;
}

async function detailOf(answer) {
  try {
    return (await answer.json()).detail ?? "";
  } catch {
    return "";
  }
}

/** Says why there is no status; returns after how many ms to ask again, null for not by itself. */
async function explain(answer) {
  const detail = await detailOf(answer);
  switch (answer.status) {
    case 401:
    case 403:
      find("shown").hidden = find("state").hidden = true;
      ask(detail);
      return null;
    case 429: {
      const seconds = Number(answer.headers.get("Retry-After")) || 60;
      complain(`${detail} It is asked again by itself.`);
      return seconds * 1000;
    }
    default:
      complain(`The service answers with ${answer.status}. ${detail} It is asked again by itself; /health and the log say more.`);
      return REFRESH_MS;
  }
}

function unreachable() {
  complain(navigator.onLine
    ? "The service does not answer. See whether it runs, and whether this machine reaches it. It is asked again by itself."
    : "This browser is offline. The status comes back with the network.");
  return REFRESH_MS;
}

async function lookOnce(mine) {
  try {
    const answer = await fetch("/api/admin/status", {
      headers: key ? { Authorization: `Bearer ${key}` } : {},
      cache: "no-store",
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    if (mine !== round) return null;
    if (!answer.ok) return await explain(answer);
    const status = await answer.json();
    if (mine !== round) return null;
    show(status);
    shownAt = new Date();
    complain("");
    find("ask").hidden = true;
    return REFRESH_MS;
  } catch {
    return mine === round ? unreachable() : null;
  }
}

async function look() {
  stop();
  if (document.hidden) return;
  const mine = ++round;
  const again = await lookOnce(mine);
  if (mine !== round) return;
  if (again !== null && !document.hidden) timer = setTimeout(look, again);
  say();
}

function stop() {
  clearTimeout(timer);
  timer = null;
}

function forget() {
  stop();
  round += 1;
  key = "";
  sessionStorage.removeItem(STORED_AS);
  shownAt = null;
  find("shown").hidden = find("state").hidden = true;
  say();
  ask("");
}

find("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  const entered = find("key").value.trim();
  if (!/^[\x21-\x7e]+$/.test(entered)) {
    ask("A key has letters, digits and signs of ASCII only, and no spaces.");
    return;
  }
  key = entered;
  sessionStorage.setItem(STORED_AS, key);
  find("key").value = "";
  look();
});
find("forget").addEventListener("click", forget);
document.addEventListener("visibilitychange", () => {
  const waits = find("ask").hidden; // else an operator is needed first
  if (document.hidden) stop();
  else if (waits) look();
});

if (document.body.dataset.needsKey === "yes" && !key) ask("");
else look();
