// Fields by a schema: what a document holds of it, as names and values.
import { html } from "../elements.js";
import { say } from "./words.js";

const flat = (value) => value === null || typeof value !== "object";

function shown(value) {
  if (value === null || value === "") return html("span", { class: "facts" }, say("fields.nothing"));
  if (typeof value === "boolean") return say(value ? "fields.is" : "fields.is_not");
  if (flat(value)) return String(value);
  if (Array.isArray(value) && value.every(flat)) return html("ul", {}, ...value.map((one) => html("li", {}, String(one))));
  if (!Array.isArray(value) && Object.values(value).every(flat)) return names(value);
  return html("pre", { tabindex: "0" }, JSON.stringify(value, null, 2));
}

const names = (value) => html("dl", { class: "pairs" }, ...Object.entries(value).map(([name, one]) =>
  html("div", {}, html("dt", {}, name), html("dd", {}, shown(one)))));

/** Return the elements for what a conversion brought; none if it was asked for nothing. */
export function extraction(found) {
  if (found === null || found === undefined) return [];
  return [html("h3", {}, say("fields.found")), flat(found) ? html("pre", { tabindex: "0" }, String(found)) : Array.isArray(found) ? shown(found) : names(found)];
}
