// A document: the pages of the original beside those of the result, in step.
import { coded, html } from "../elements.js";
import { isRemovable, removeDocument } from "./actions.js";
import { complain, announce } from "./dialogs.js";
import { ask, isReadable, stateOf } from "./documents.js";
import { hasPages, menu } from "./downloads.js";
import { extraction } from "./extraction.js";
import { PageRow, isDoubtful } from "./page-row.js";
import { Pictures } from "./pictures.js";
import { call, json } from "./service.js";
import { drawn, money, number, say, size } from "./words.js";

const PAGES_PER_CALL = 1000;
const AHEAD = "600px"; // what is fetched before it can be seen
const ROUNDED = 2; // pixels by which a browser corrects where it has scrolled to

const find = (id) => document.getElementById(id);
const place = find("viewer");
const list = find("page-list");
const pageField = find("page-number");
const marked = find("marked");

let open = null;

class Viewer {
  rows = [];
  current = null;
  result = null;
  isHeld = false; // the page that was gone to stays where it is, until the reader moves
  #abort = new AbortController();
  #near;
  #top;
  #grown;
  #heights = new WeakMap();
  #heldAt = 0;

  constructor(id) {
    this.id = id;
    this.pictures = new Pictures();
    this.signal = this.#abort.signal;
    this.#near = new IntersectionObserver((seen) => {
      for (const { target, isIntersecting } of seen) this.rowOf(target)?.see(isIntersecting);
    }, { rootMargin: AHEAD });
    this.#top = new IntersectionObserver(() => this.#settle(), { rootMargin: "-25% 0px -74% 0px" });
    this.#grown = new ResizeObserver((seen) => this.#keepPlace(seen));
  }

  get view() {
    return place.dataset.view;
  }

  get state() {
    return { ...stateOf(this.id), ...this.result?.metadata };
  }

  rowOf(element) {
    return this.rows[Number(element.dataset.place)];
  }

  async load(wanted) {
    if (!(await ask(this.id))) throw new Error(say("viewer.not_found"));
    const { status } = stateOf(this.id);
    if (status === "deleted") throw new Error(say("viewer.was_deleted"));
    if (!isReadable({ status })) throw new Error(say("viewer.no_result", { status: say(`status.${status}`) }));
    const pages = await this.#pages();
    const first = pages[0]?.number ?? 1;
    this.result = await json(`/api/documents/${this.id}?format=json&pages=${first}`, { signal: this.signal });
    this.hasPictures = hasPages(this.state);
    place.classList.toggle("plain", !this.hasPictures);
    this.rows = pages.map((page) => new PageRow(page, this));
    this.rows.forEach(({ element }, index) => { element.dataset.place = index; });
    list.replaceChildren(...this.rows.map(({ element }) => element));
    for (const { element } of this.rows) {
      this.#near.observe(element);
      this.#top.observe(element);
      this.#grown.observe(element);
    }
    this.current = this.rows[0] ?? null;
    this.draw();
    if (wanted) this.go(this.rows.findIndex((row) => row.number === wanted));
  }

  async #pages() {
    const pages = [];
    let cursor = null;
    do {
      const query = new URLSearchParams({ limit: PAGES_PER_CALL, ...(cursor ? { cursor } : {}) });
      const found = await json(`/api/documents/${this.id}/pages?${query}`, { signal: this.signal });
      pages.push(...found.pages);
      cursor = found.nextCursor;
    } while (cursor);
    return pages;
  }

  draw() {
    const { fileName, fileSize, warnings = [], cached, partial } = this.state;
    const { metadata, usage } = this.result;
    find("viewer-title").textContent = fileName;
    find("viewer-facts").textContent = [
      say("pages", { count: this.rows.length }), size(fileSize), metadata.model,
      usage.costUsd ? money(usage.costUsd * 1e6) : say("cost.free"),
      cached ? say("row.cached") : null, partial ? say("row.partial") : null,
    ].filter(Boolean).join(" · ");
    const whole = warnings.filter(({ page }) => page === null).map(({ message }) => message);
    find("viewer-warnings").replaceChildren(...whole.map((message) => html("li", {}, message)));
    find("viewer-menu").replaceChildren(menu(this.state));
    find("viewer-fields").replaceChildren(...extraction(this.result.extraction));
    find("page-count").textContent = say("viewer.of", { count: this.rows.length });
    this.#drawMarked();
    for (const row of this.rows) row.draw();
    this.#say();
  }

  #drawMarked() {
    const doubtful = this.rows.filter(({ page }) => isDoubtful(page));
    marked.hidden = !doubtful.length;
    find("marked-count").textContent = say("viewer.marked", { count: doubtful.length });
    find("marked-list").replaceChildren(...doubtful.map((row) =>
      html("li", {}, html("a", { href: `#/documents/${this.id}/${row.number}` }, number(row.number)))));
  }

  /** Take the page that was scrolled to; one that was gone to stays, however short it is. */
  #settle() {
    if (this.isHeld) return;
    const edge = window.innerHeight * 0.26;
    const row = this.rows.find(({ element }) => element.getBoundingClientRect().bottom > edge);
    if (!row || row === this.current) return;
    this.current?.light(null);
    this.current = row;
    this.#say();
  }

  #say() {
    if (!this.current) return;
    pageField.value = this.current.number;
    find("previous").disabled = this.current === this.rows[0];
    find("next").disabled = this.current === this.rows.at(-1);
    history.replaceState(null, "", `#/documents/${this.id}/${this.current.number}`);
  }

  /** Go to the page at this place of the rows; a place beyond them is left alone. */
  go(index, { focus = false } = {}) {
    const row = this.rows[index];
    if (!row) return;
    this.current?.light(null);
    this.current = row;
    this.#hold();
    if (focus) row.title.focus({ preventScroll: true });
    this.#say();
  }

  #hold() {
    this.isHeld = true;
    this.current.element.scrollIntoView();
    this.#heldAt = window.scrollY;
  }

  /** Let go of the page if it was not us who scrolled, as with the scroll bar. */
  scrolled() {
    if (this.isHeld && Math.abs(window.scrollY - this.#heldAt) > ROUNDED) this.isHeld = false;
  }

  /** Keep what is read in its place while text and images of pages above arrive. */
  #keepPlace(seen) {
    let above = 0;
    for (const { target, borderBoxSize: [{ blockSize }] } of seen) {
      const before = this.#heights.get(target) ?? blockSize;
      this.#heights.set(target, blockSize);
      if (this.current && Number(target.dataset.place) < this.rows.indexOf(this.current)) above += blockSize - before;
    }
    if (this.isHeld) this.#hold();
    else if (above) window.scrollBy({ top: above, behavior: "instant" });
  }

  step(by) {
    this.go(this.rows.indexOf(this.current) + by);
  }

  stepMarked() {
    const at = this.rows.indexOf(this.current);
    const next = this.rows.findIndex(({ page }, index) => index > at && isDoubtful(page));
    this.go(next >= 0 ? next : this.rows.findIndex(({ page }) => isDoubtful(page)), { focus: true });
  }

  stepBlock(by) {
    if (!this.current || this.current.step(by)) return;
    const at = this.rows.indexOf(this.current) + by;
    if (this.rows[at]) {
      this.go(at);
      this.current.step(by);
    }
  }

  /** Show the other side of what is in view, at the same page. */
  turned() {
    for (const row of this.rows) {
      const { top, bottom } = row.element.getBoundingClientRect();
      if (bottom > -600 && top < window.innerHeight + 600) row.load();
    }
    if (this.current) this.#hold();
  }

  close() {
    this.#abort.abort();
    this.#near.disconnect();
    this.#top.disconnect();
    this.#grown.disconnect();
    this.pictures.close();
    for (const row of this.rows) row.leave();
    list.replaceChildren();
  }
}

/** Show a document, at a page if one is named. */
export async function show(id, page) {
  if (open?.id === id) {
    open.go(open.rows.findIndex((row) => row.number === page), { focus: true });
    return;
  }
  close();
  const mine = open = new Viewer(id);
  place.classList.add("loading");
  find("viewer-title").textContent = stateOf(id)?.fileName ?? say("viewer.loading");
  for (const part of ["viewer-facts", "viewer-warnings", "viewer-menu", "viewer-fields", "viewer-problem"]) find(part).replaceChildren();
  find("viewer-problem").hidden = true;
  offer(false, false);
  try {
    await mine.load(page);
    if (open !== mine) return;
    place.classList.remove("loading");
    offer(true, true);
  } catch (problem) {
    if (open !== mine) return;
    find("viewer-title").textContent = stateOf(id)?.fileName ?? say("viewer.nothing");
    offer(false, isRemovable(stateOf(id)));
    find("viewer-problem").replaceChildren(...coded(problem.said?.() ?? problem.message));
    find("viewer-problem").hidden = false;
  }
}

/** Show the buttons of what can be done: with a result, and with a document. */
function offer(isShown, isThere) {
  find("copy").hidden = !isShown;
  find("viewer-delete").hidden = !isThere;
}

export function close() {
  open?.close();
  open = null;
}

export const shown = () => open;

/** Choose what stands on the right: the text or its source; on a narrow screen the original too. */
export function turn(view) {
  place.dataset.view = view;
  find(`view-${view}`).checked = true;
  open?.turned();
}

export const turnSource = () => turn(place.dataset.view === "source" ? "text" : "source");

export async function copy() {
  if (!open?.result) return;
  try {
    const text = await (await call(`/api/documents/${open.id}?format=markdown`)).text();
    await write(text);
    find("copy").textContent = say("action.copied");
    announce(say("action.copied"));
    setTimeout(() => { find("copy").textContent = say("action.copy"); }, 2000);
  } catch (problem) {
    complain(open?.state.fileName, problem);
  }
}

async function write(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = html("textarea", { class: "hidden", readonly: true });
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand("copy"); // plain http: there is no clipboard API
    field.remove();
  }
}

for (const radio of place.querySelectorAll("[name=view]")) radio.addEventListener("change", () => turn(radio.value));
find("previous").addEventListener("click", () => open?.step(-1));
find("next").addEventListener("click", () => open?.step(1));
find("copy").addEventListener("click", copy);
find("viewer-delete").addEventListener("click", async () => {
  if (open && await removeDocument(open.state)) location.hash = "#/";
});
find("to-page").addEventListener("submit", (event) => {
  event.preventDefault();
  const wanted = Number(pageField.value);
  const index = open?.rows.findIndex((row) => row.number >= wanted) ?? -1;
  open?.go(index >= 0 ? index : open.rows.length - 1, { focus: true });
});
for (const moved of ["wheel", "touchmove", "pointerdown", "keydown"]) {
  document.addEventListener(moved, () => { if (open) open.isHeld = false; }, { capture: true, passive: true });
}
document.addEventListener("scroll", () => open?.scrolled(), { passive: true });
drawn(() => { if (open?.result) open.draw(); });
