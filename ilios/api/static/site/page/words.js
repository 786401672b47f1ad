// The words of the page. Its catalogue came with it, in the language that the browser asks for; the
// switch loads another one, and says so to the next visit by a cookie.

const COOKIE_SECONDS = 365 * 24 * 3600;

let catalogue = JSON.parse(document.getElementById("catalogue").textContent);
let plurals = new Intl.PluralRules(language());
const redrawn = new Set();

export function language() {
  return document.documentElement.lang;
}

/** Return a sentence; {names} in it are filled, and `count` chooses between one and many. */
export function say(key, values = {}) {
  const found = catalogue[key] ?? key;
  const text = typeof found === "string" ? found : found[plurals.select(values.count)] ?? found.other;
  return text.replace(/\{(\w+)\}/g, (whole, name) => {
    const value = values[name];
    return typeof value === "number" ? number(value) : value ?? whole;
  });
}

export const has = (key) => key in catalogue;

/** Call a function now, and again whenever the language changes. */
export function drawn(draw) {
  redrawn.add(draw);
  draw();
}

export const number = (value, options) => new Intl.NumberFormat(language(), options).format(value);
export const percent = (share) => number(share, { style: "percent", maximumFractionDigits: 0 });

/** A sum of millionths of a dollar, with as many decimals as it takes and two at least. */
export const money = (micros) => number(micros / 1e6, {
  style: "currency", currency: "USD", currencyDisplay: "narrowSymbol", minimumFractionDigits: 2, maximumFractionDigits: 6,
});

export function size(bytes) {
  const [per, unit] = [[2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"]].find(([least]) => bytes >= least) ?? [1, null];
  return unit === null ? say("size.bytes", { count: bytes }) : `${number(bytes / per, { maximumFractionDigits: 1 })} ${unit}`;
}

const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60]];

/** How long ago a moment was, as people say it; older than a week, its day. */
export function ago(moment) {
  const seconds = (Date.now() - Date.parse(moment)) / 1000;
  if (seconds > 7 * 86400) {
    return new Intl.DateTimeFormat(language(), { dateStyle: "medium" }).format(new Date(moment));
  }
  const [unit, per] = UNITS.find(([, least]) => seconds >= least) ?? ["second", 1];
  const told = unit === "second" ? 0 : -Math.round(seconds / per);
  return new Intl.RelativeTimeFormat(language(), { numeric: "auto" }).format(told, unit);
}

export const day = (date) => new Intl.DateTimeFormat(language(), { month: "short", day: "numeric", timeZone: "UTC" })
  .format(new Date(date));

const ATTRIBUTES = ["aria-label", "placeholder", "title"];

function fill() {
  for (const element of document.querySelectorAll("[data-said]")) {
    element.textContent = say(element.dataset.said, element.dataset);
  }
  for (const attribute of ATTRIBUTES) {
    for (const element of document.querySelectorAll(`[data-said-${attribute}]`)) {
      element.setAttribute(attribute, say(element.getAttribute(`data-said-${attribute}`)));
    }
  }
}

/** Speak another language from now on, without losing what goes on. */
export async function speak(code) {
  const answer = await fetch(`/assets/site/words/${code}.json`);
  if (!answer.ok) return;
  catalogue = await answer.json();
  document.documentElement.lang = code;
  plurals = new Intl.PluralRules(code);
  document.cookie = `ilios-language=${code}; path=/; max-age=${COOKIE_SECONDS}; SameSite=Lax`;
  document.title = say("title");
  fill();
  for (const draw of redrawn) draw();
}
