// HTML of the service, made anew from what is listed here. The service has cleaned it already; here
// it is parsed where nothing runs and nothing is loaded, and no element or attribute of it is taken
// over: each is created, and gets attributes that were looked at.
import { html } from "../elements.js";

const ELEMENTS = new Set([
  ..."h1 h2 h3 h4 h5 h6 p br hr div blockquote pre ul ol li dl dt dd figure figcaption".split(" "),
  ..."table caption thead tbody tfoot tr th td em strong b i u s del ins sub sup code mark q span a img".split(" "),
]);
const HEADINGS = /^h([1-6])$/;
const LINK = /^(?:https?|mailto):/i;
const ALIGNMENT = /^text-align: ?(left|right|center);?$/;
const MATH = new Set(["math math-inline", "math math-display"]);
const SPAN = /^[0-9]{1,4}$/;
const DEEPEST = 256;

const policy = window.trustedTypes?.createPolicy("ilios-parser", { createHTML: (text) => text });

/** Parse HTML into a document of its own: no script of it runs, and no image is fetched. */
export const parsed = (text) => new DOMParser().parseFromString(policy ? policy.createHTML(text) : text, "text/html");

/**
 * Return the children of a node as nodes of the page. `image` makes something of the address of an
 * image and its description; headings stand below those of the page.
 */
export function rebuilt(node, image, depth = 0) {
  if (depth > DEEPEST) return [node.textContent];
  return [...node.childNodes].flatMap((child) => {
    if (child.nodeType === Node.TEXT_NODE) return [child.data];
    return child.nodeType === Node.ELEMENT_NODE ? rebuiltElement(child, image, depth) : [];
  });
}

function rebuiltElement(element, image, depth) {
  const name = element.localName;
  if (!ELEMENTS.has(name)) return []; // style, svg, form …: what is in them is not text to read
  if (name === "img") return [image(element.getAttribute("src") ?? "", element.getAttribute("alt") ?? "")];
  const heading = HEADINGS.exec(name);
  const children = rebuilt(element, image, depth + 1);
  if (heading) return [html("div", { role: "heading", "aria-level": Number(heading[1]) + 3, class: name }, ...children)];
  if (name === "table") return [html("div", { class: "table", tabindex: "0" }, html("table", {}, ...children))];
  return [html(name, attributesOf(element, name), ...children)];
}

function attributesOf(element, name) {
  const get = (attribute) => element.getAttribute(attribute);
  if (name === "a") {
    return LINK.test(get("href") ?? "") ? { href: get("href"), title: get("title"), target: "_blank", rel: "noopener noreferrer nofollow" } : {};
  }
  if (name === "td" || name === "th") {
    const span = (attribute) => (SPAN.test(get(attribute) ?? "") ? get(attribute) : null);
    return { class: ALIGNMENT.exec(get("style") ?? "")?.[1], colspan: span("colspan"), rowspan: span("rowspan") };
  }
  if (name === "span" && MATH.has(get("class"))) return { class: get("class") };
  if (name === "ol") return { start: SPAN.test(get("start") ?? "") ? get("start") : null };
  return {};
}
