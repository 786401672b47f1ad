// The key's documents, the newest first: found by words, filtered by status, more on demand.
import { coded } from "../elements.js";
import { batchGroup } from "./batches.js";
import { learnListed } from "./documents.js";
import { row } from "./rows.js";
import { json } from "./service.js";
import { drawn, say } from "./words.js";

const LIMIT = 50;
const TYPING_MS = 250;

const find = (id) => document.getElementById(id);
const list = find("recent-list");
const more = find("recent-more");
const search = find("search");
const filter = find("filter");
const note = find("recent-note");

let shown = []; // what stands in the list, each with draw() and remove()
let cursor = null;
let round = 0; // an answer that a later question overtook is not shown
let hidden = () => false;
let isSomethingAbove = () => false;

/** Leave documents out that stand above already; `isAbove` tells of an id, `isSomething` of any. */
export function leaveOut(isAbove, isSomething) {
  hidden = isAbove;
  isSomethingAbove = isSomething;
}

const isFiltered = () => Boolean(search.value.trim() || filter.value);

/** Ask for the documents; from the beginning, or `further` ones. */
export async function load(further = false) {
  const mine = ++round;
  const query = new URLSearchParams({ limit: LIMIT });
  if (search.value.trim()) query.set("q", search.value.trim());
  if (filter.value) query.set("status", filter.value);
  if (further && cursor) query.set("cursor", cursor);
  list.setAttribute("aria-busy", "true");
  try {
    const found = await json(`/api/documents?${query}`);
    if (mine !== round) return;
    if (!further) empty();
    cursor = found.nextCursor;
    show(found.documents.filter(({ id }) => isFiltered() || !hidden(id)));
  } catch (problem) {
    if (mine === round) tell(problem.said?.() ?? problem.message, "problem");
  } finally {
    if (mine === round) list.removeAttribute("aria-busy");
  }
}

/** Take all of the list away. */
export function empty() {
  for (const one of shown) {
    one.remove();
    one.element.remove();
  }
  shown = [];
}

function show(documents) {
  for (const document of documents) learnListed({ matches: null, ...document });
  for (const some of together(documents)) {
    const batchId = some[0].batchId;
    const one = some.length > 1 ? batchGroup(batchId, some.map(({ id }) => id)) : row({ id: some[0].id });
    shown.push(one);
    list.append(one.element);
  }
  more.hidden = cursor === null;
  tellNothing();
}

/** Say that there is nothing, unless there is something above. */
export function tellNothing() {
  if (isFiltered()) tell(shown.length ? "" : say("recent.nothing"));
  else tell(shown.length || isSomethingAbove() ? "" : say("recent.none"));
}

/** Gather neighbours of one batch; those that were found by words stand as they were found. */
function together(documents) {
  const groups = [];
  for (const document of documents) {
    const last = groups.at(-1);
    if (last && document.batchId && last[0].batchId === document.batchId && !document.matches) last.push(document);
    else groups.push([document]);
  }
  return groups;
}

function tell(words, kind = "facts") {
  note.replaceChildren(...coded(words));
  note.className = kind;
  note.hidden = !words;
}

let typing = null;
search.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(load, TYPING_MS);
});
filter.addEventListener("change", () => load());
more.addEventListener("click", () => load(true));
find("recent").addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(typing);
  load();
});
drawn(() => {
  for (const one of shown) one.draw();
  if (!note.hidden && !shown.length) tellNothing();
});
