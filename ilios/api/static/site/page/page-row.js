// One page of a document: its picture and its text side by side, fetched when it comes into view.
import { coded, html, svg } from "../elements.js";
import { parsed, rebuilt } from "./markup.js";
import { json } from "./service.js";
import { percent, say } from "./words.js";

const A4 = [595, 842];
const SETTLED_MS = 120; // in view for so long, before anything is asked for
const WIDTHS = [600, 1000, 1400, 2000]; // few, so that the service has drawn them before
export const DOUBTFUL = 0.86; // below, the engine itself warns of a page

export const isDoubtful = ({ confidence, warnings }) =>
  warnings.length > 0 || (confidence !== null && confidence < DOUBTFUL);

export class PageRow {
  #timer = null;
  #asked = { text: false, source: false, picture: false };
  #boxes = {};
  #on = null;

  /** `viewer` has id, pictures, signal, hasPictures and view. */
  constructor(page, viewer) {
    this.page = page;
    this.viewer = viewer;
    this.number = page.number;
    const [width, height] = page.width && page.height ? [page.width, page.height] : A4;
    this.title = html("h3", { tabindex: "-1" });
    this.notes = html("ul", { class: "notes" });
    this.image = html("img", { alt: "" });
    this.overlay = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, preserveAspectRatio: "none", "aria-hidden": "true" });
    this.missing = html("p", { class: "facts", hidden: true });
    this.sheet = html("div", { class: "sheet" }, this.image, this.overlay, this.missing);
    this.text = html("div", { class: "text", dir: "auto" });
    this.source = html("pre", { class: "source", role: "group", tabindex: "0", dir: "auto" });
    this.element = html("li", { class: isDoubtful(page) ? "page doubtful" : "page", "data-number": page.number },
      html("div", { class: "page-head" }, this.title, this.notes),
      viewer.hasPictures ? html("div", { class: "original" }, this.sheet) : null,
      html("div", { class: "result" }, this.text, this.source));
    this.image.hidden = true;
    for (const part of [this.overlay, this.text, this.source]) {
      part.addEventListener("pointerover", (event) => this.light(boxAt(event.target)));
      part.addEventListener("pointerleave", () => this.light(null));
    }
    this.overlay.addEventListener("click", (event) => this.go(boxAt(event.target)));
    this.draw();
  }

  draw() {
    const { page } = this;
    this.title.textContent = say("page.number", { page: String(page.number) });
    const told = page.warnings.map(({ message }) => message);
    if (page.confidence !== null && page.confidence < DOUBTFUL) told.unshift(say("page.confidence", { share: percent(page.confidence) }));
    this.notes.replaceChildren(...told.map((words) => html("li", {}, words)));
    this.image.alt = say("page.picture", { page: String(page.number) });
    this.source.setAttribute("aria-label", say("page.source", { page: String(page.number) }));
    if (!this.missing.hidden) this.missing.replaceChildren(...coded(say("page.no_picture", { reason: this.missing.dataset.reason })));
  }

  /** It came into view, or left it. */
  see(isInView) {
    clearTimeout(this.#timer);
    if (isInView) this.#timer = setTimeout(() => this.load(), SETTLED_MS);
  }

  load() {
    if (this.sheet.clientWidth && !this.#asked.picture) this.#once("picture", () => this.#picture());
    const view = this.viewer.view === "source" ? "source" : "text";
    if (!this.#asked[view]) this.#once(view, () => (view === "source" ? this.#source() : this.#text()));
    else this.#place(view);
  }

  async #once(part, get) {
    this.#asked[part] = true;
    try {
      await get();
    } catch (problem) {
      if (this.viewer.signal.aborted) return;
      this.#asked[part] = false; // it is asked for again when it comes into view again
      if (part === "picture") this.#lacks(problem);
      else this[part].replaceChildren(html("p", { class: "problem" }, ...coded(problem.said?.() ?? problem.message)));
    }
  }

  async #picture() {
    const width = Math.max(this.sheet.clientWidth, 300) * Math.min(window.devicePixelRatio, 2);
    const wanted = WIDTHS.find((one) => one >= width) ?? WIDTHS.at(-1);
    const path = `/api/documents/${this.viewer.id}/pages/${this.number}/image?width=${wanted}`;
    this.image.src = await this.viewer.pictures.get(path, () => {
      this.image.hidden = true;
      this.#asked.picture = false;
    });
    this.image.hidden = false;
    this.missing.hidden = true;
  }

  #lacks(problem) {
    this.missing.dataset.reason = problem.said?.() ?? problem.message;
    this.missing.hidden = false;
    this.draw();
  }

  #ask(include) {
    const { id, signal } = this.viewer;
    return json(`/api/documents/${id}/pages/${this.number}?include=${include}`, { signal });
  }

  async #text() {
    const page = await this.#ask("html");
    const image = (src, alt) => this.#image(src, alt);
    this.text.replaceChildren(...page.html.map((block, place) => {
      const isUnsure = block.confidence !== null && block.confidence < DOUBTFUL;
      return html("div", {
        class: isUnsure ? "block unsure" : "block",
        title: isUnsure ? say("page.confidence", { share: percent(block.confidence) }) : null,
        "data-box": place,
        dir: "auto",
      }, ...rebuilt(parsed(block.html).body, image));
    }));
    this.#boxes.text = page.html.map(({ bbox }) => bbox);
    if (!page.html.length) this.text.replaceChildren(html("p", { class: "facts" }, say("page.empty")));
    this.#place("text");
  }

  async #source() {
    const { markdown, blocks } = await this.#ask("blocks");
    const parts = [];
    let place = 0;
    (blocks ?? []).forEach(({ text }, box) => {
      const start = text ? markdown.indexOf(text, place) : -1;
      if (start < 0) return; // it was kept out of the Markdown
      parts.push(markdown.slice(place, start), html("span", { class: "block", "data-box": box }, text));
      place = start + text.length;
    });
    this.source.replaceChildren(...parts, markdown.slice(place));
    this.#boxes.source = (blocks ?? []).map(({ bbox }) => bbox);
    this.#place("source");
  }

  /** Return what stands for an image of the result, and fetch it, which takes the key. */
  #image(src, alt) {
    if (!src.startsWith(`/api/documents/${this.viewer.id}/images/`)) return alt;
    const image = html("img", { alt });
    this.viewer.pictures.get(src, () => {}).then((url) => { image.src = url; }, () => image.replaceWith(alt));
    return image;
  }

  /** Put the boxes of what is shown over the picture. */
  #place(view) {
    if (this.overlay.dataset.view === view || !this.#boxes[view]) return;
    this.overlay.dataset.view = view;
    this.#on = null;
    if (!this.page.width) return;
    const boxes = this.#boxes[view].flatMap((box, place) => (box ? [[place, box[0], box[1], Math.max(0, box[2] - box[0]), Math.max(0, box[3] - box[1])]] : []));
    boxes.sort((one, other) => other[3] * other[4] - one[3] * one[4]); // small ones lie above large ones
    this.overlay.replaceChildren(...boxes.map(([place, x, y, width, height]) =>
      svg("rect", { x, y, width, height, "data-box": place, "vector-effect": "non-scaling-stroke" })));
  }

  get #shown() {
    return this.viewer.view === "source" ? this.source : this.text;
  }

  /** Highlight a block on both sides, and no other one. */
  light(box) {
    if (box === this.#on) return;
    for (const one of this.element.querySelectorAll(".on")) one.classList.remove("on");
    this.#on = box;
    if (box === null) return;
    for (const side of [this.overlay, this.#shown]) side.querySelector(`[data-box="${box}"]`)?.classList.add("on");
  }

  go(box) {
    this.light(box);
    if (box !== null) this.#shown.querySelector(`[data-box="${box}"]`)?.scrollIntoView({ block: "nearest" });
  }

  /** Highlight the block `by` places further; returns whether there is one. */
  step(by) {
    const blocks = [...this.#shown.querySelectorAll("[data-box]")];
    const at = blocks.findIndex((block) => block.classList.contains("on"));
    const next = blocks[at < 0 ? (by > 0 ? 0 : blocks.length - 1) : at + by];
    if (!next) {
      this.light(null);
      return false;
    }
    this.go(next.dataset.box);
    return true;
  }

  leave() {
    clearTimeout(this.#timer);
  }
}

const boxAt = (target) => target.closest("[data-box]")?.dataset.box ?? null;
