// What is asked of a conversion, beside its file: pages, password, fields by a schema.
import { html } from "../elements.js";
import { drawn, say } from "./words.js";

const find = (id) => document.getElementById(id);
const KINDS = {
  text: { type: "string" },
  number: { type: "number" },
  date: { type: "string", format: "date" },
  yes: { type: "boolean" },
  list: { type: "array", items: { type: "string" } },
};

const fields = find("fields");
const own = find("own-schema");
const written = find("schema");
const problem = find("schema-problem");
const pages = find("pages");
const lane = find("batch-lane");
let numbered = 0;

function fieldRow() {
  numbered += 1;
  const id = (part) => `field-${numbered}-${part}`;
  const kinds = Object.keys(KINDS).map((kind) => html("option", { value: kind, "data-said": `fields.${kind}` }, say(`fields.${kind}`)));
  const labelled = (part, control) => [html("label", { for: id(part), class: "hidden", "data-said": `fields.${part}` }, say(`fields.${part}`)), control];
  const row = html("li", {},
    ...labelled("name", html("input", { id: id("name"), name: "name", autocomplete: "off", "data-said-placeholder": "fields.name", placeholder: say("fields.name") })),
    ...labelled("kind", html("select", { id: id("kind"), name: "kind" }, ...kinds)),
    ...labelled("means", html("input", { id: id("means"), name: "means", autocomplete: "off", "data-said-placeholder": "fields.means", placeholder: say("fields.means") })),
    html("button", {
      type: "button", class: "quiet", "data-said": "fields.remove",
      click: () => {
        (row.nextElementSibling ?? row.previousElementSibling)?.querySelector("input").focus();
        row.remove();
      },
    }, say("fields.remove")));
  return row;
}

function schemaOfForm() {
  const properties = Object.create(null); // a field may have any name
  for (const row of fields.children) {
    const [name, kind, means] = ["name", "kind", "means"].map((part) => row.querySelector(`[name=${part}]`).value.trim());
    if (name) properties[name] = { ...KINDS[kind], ...(means ? { description: means } : {}) };
  }
  const names = Object.keys(properties);
  return names.length ? { type: "object", properties, required: names, additionalProperties: false } : null;
}

/** Return the schema as JSON, or "" for none. Raises SyntaxError for one that is no JSON. */
function schema() {
  if (own.checked) return written.value.trim() && JSON.stringify(JSON.parse(written.value));
  const made = schemaOfForm();
  return made ? JSON.stringify(made) : "";
}

function readSchema() {
  try {
    problem.hidden = true;
    return schema();
  } catch (error) {
    problem.textContent = say("fields.no_json", { reason: error.message });
    problem.hidden = false;
    find("options").open = find("by-schema").open = true;
    written.focus();
    return null;
  }
}

export const isCostWanted = () => find("cost-first").checked;

/** Return what the form says, as fields of each call; null if it has to be mended first. */
export function read() {
  const asked = readSchema();
  if (asked === null) return null;
  const password = find("password")?.value ?? "";
  const chosen = pages.value.trim();
  const useMistralBatch = lane.checked && !lane.disabled ? "true" : "";
  const extraction = { schema: asked, instructions: asked && find("instructions").value.trim() };
  const both = { include: "blocks", confidence: "page", password, ...extraction };
  return {
    isAlone: Boolean(chosen), // a batch has no selection of pages
    single: { ...both, pages: chosen },
    batch: { ...both, useMistralBatch },
    estimate: { pages: chosen, password, useMistralBatch, ...extraction },
    costFirst: isCostWanted(),
  };
}

find("add-field").addEventListener("click", () => {
  const row = fieldRow();
  fields.append(row);
  row.querySelector("input").focus();
});
fields.append(fieldRow());
own.addEventListener("change", () => {
  find("field-form").hidden = own.checked;
  find("schema-text").hidden = !own.checked;
  if (own.checked && !written.value.trim()) written.value = JSON.stringify(schemaOfForm() ?? { type: "object", properties: {} }, null, 2);
  problem.hidden = true;
});

function count() {
  lane.disabled = Boolean(pages.value.trim());
  const set = [pages.value.trim(), find("password")?.value, lane.checked && !lane.disabled, isCostWanted(),
    own.checked ? written.value.trim() : schemaOfForm()].filter(Boolean).length;
  find("options-set").textContent = set ? say("options.set", { count: set }) : "";
}

find("options").addEventListener("input", count);
drawn(count);
