// Elements made of text: whatever the service says is shown as text, never read as markup.

// An attribute that is a function listens to the event of that name; true and false set it or not.

const SVG = "http://www.w3.org/2000/svg";

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export const html = (tag, attributes = {}, ...children) =>
  filled(document.createElement(tag), attributes, children);

export const svg = (tag, attributes = {}, ...children) =>
  filled(document.createElementNS(SVG, tag), attributes, children);

/** A sentence of the service, as nodes: names and commands, which it puts between backticks, as code. */
export const coded = (sentence) => sentence.split(/`([^`]+)`/).map((part, place) => (place % 2 ? html("code", {}, part) : part));

/**
 * A table that becomes a list of cards on a narrow screen. Columns are [head, cell of a row] or
 * [head, cell, "number"]; the first one names the row. The roles outlive `display: block`.
 */
export function table(label, columns, rows, nothing) {
  if (!rows.length) return html("p", { class: "facts" }, nothing);
  const heads = columns.map(([head, , kind]) =>
    html("th", { scope: "col", role: "columnheader", class: kind }, head));
  const lines = rows.map((row) => html("tr", { role: "row" }, ...columns.map(([head, cell, kind], place) =>
    html(place ? "td" : "th", {
      scope: place ? null : "row",
      role: place ? "cell" : "rowheader",
      class: kind,
      "data-head": head,
    }, html("span", {}, ...[cell(row)].flat())))));
  return html("table", { role: "table", "aria-label": label },
    html("thead", { role: "rowgroup" }, html("tr", { role: "row" }, ...heads)),
    html("tbody", { role: "rowgroup" }, ...lines));
}

/** The children of a <dl>: [term, description] each. */
export const pairs = (...entries) => entries.map(([term, described]) =>
  html("div", {}, html("dt", {}, term), html("dd", {}, ...[described].flat())));
