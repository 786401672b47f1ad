// A row for each document, or file on its way to one: what it is, how far it has come, what can be done.
import { coded, html } from "../elements.js";
import { isOpen, isReadable, stateOf, watch } from "./documents.js";
import { actionsOf, unlock } from "./actions.js";
import { ago, has, language, money, percent, say, size } from "./words.js";

const ON_ITS_WAY = new Set(["waiting", "uploading"]);

/** Return a list item that follows an item of a delivery, or a document by its id. */
export function row({ item = null, id = null }) {
  const element = html("li", { class: "row" });
  let unwatch = null;
  const known = () => id ?? item?.id;

  function draw() {
    const state = stateOf(known());
    if (state?.isPutAway) leave(); // one that was deleted elsewhere stays, and says so
    else redraw(element, { item, state });
  }

  /** It is gone: what had the focus gives it to a neighbour. */
  function leave() {
    const neighbour = element.nextElementSibling ?? element.previousElementSibling;
    if (element.contains(document.activeElement)) neighbour?.querySelector("a, button, summary")?.focus();
    element.dispatchEvent(new CustomEvent("leave", { bubbles: true, detail: item }));
    remove();
  }

  function remove() {
    unwatch?.();
    element.remove();
  }

  function changed() {
    if (!unwatch && known()) {
      unwatch = watch(known(), () => {
        draw();
        element.dispatchEvent(new Event("progress", { bubbles: true }));
      });
    }
    draw();
    element.dispatchEvent(new Event("progress", { bubbles: true }));
  }

  if (item) item.changed = changed;
  changed();
  return { element, draw, remove };
}

/** Draw what is different only: a bar that moves takes no focus away, and closes no menu. */
function redraw(element, { item, state }) {
  const status = statusOf(item, state);
  const had = element.contains(document.activeElement) ? document.activeElement.dataset.action : null;
  const signature = [item?.state, Boolean(item?.estimate), item?.isUncounted, item?.problem?.code, status, state?.partial, state?.errorCode, state?.needsPassword, language()].join();
  const same = element.dataset.signature === signature;
  Object.assign(element.dataset, { status, signature });
  const parts = [
    html("span", { class: `dot ${status}`, "aria-hidden": "true" }),
    html("div", { class: "what" }, name(item, state, status), facts(item, state, status), ...matches(state), problemOf(item, state), unlock(item, state)),
    html("div", { class: "how" }, ...progress(item, state, status)),
    same ? element.lastElementChild : html("div", { class: "actions" }, ...actionsOf(item, state)),
  ];
  parts.forEach((part, place) => {
    const before = element.children[place];
    if (!before) element.append(part);
    else if (before !== part && (place === 3 || !before.isEqualNode(part))) before.replaceWith(part);
  });
  if (had && !element.contains(document.activeElement)) element.querySelector(`[data-action="${had}"], a, button, summary`)?.focus();
}

export function statusOf(item, state) {
  if (state) return state.status;
  return item?.state ?? "pending";
}

function name(item, state, status) {
  const words = item?.label ?? state?.fileName ?? "";
  if (!isReadable(state)) return html("span", { class: "name", title: words }, words || say("row.unnamed"));
  return html("a", { class: "name", href: `#/documents/${state.id}`, title: words, "data-action": "open" }, words, status === "archived" ? ` (${say("status.archived")})` : null);
}

function facts(item, state, status) {
  const pages = state?.pagesTotal ?? item?.estimate?.pages;
  const told = [
    say(`status.${status}`),
    size(state?.fileSize ?? item?.file?.size ?? 0),
    pages && !isOpen(state) ? say("pages", { count: pages }) : null,
    state?.partial ? say("row.partial") : null,
    state?.cached && isReadable(state) ? say("row.cached") : null,
    state?.warnings?.length ? say("row.warnings", { count: state.warnings.length }) : null,
    state?.createdAt && !isOpen(state) ? ago(state.createdAt) : null,
  ].filter(Boolean);
  return html("span", { class: "facts" }, told.join(" · "));
}

function matches(state) {
  return (state?.matches ?? []).map(({ page, snippet, ranges }) => {
    const letters = [...snippet]; // ranges count characters
    const parts = [];
    let place = 0;
    for (const [start, end] of ranges) {
      parts.push(letters.slice(place, start).join(""), html("mark", {}, letters.slice(start, end).join("")));
      place = end;
    }
    parts.push(letters.slice(place).join(""));
    return html("a", { class: "match", href: `#/documents/${state.id}/${page}` }, html("b", {}, say("page.number", { page: String(page) })), " ", ...parts);
  });
}

function problemOf(item, state) {
  if (item?.problem && !state) {
    return html("p", { class: "problem" }, ...heading(item.problem.code), ...coded(item.problem.said()));
  }
  if (state?.status !== "failed" || !state.error) return null;
  return html("p", { class: "problem" }, ...heading(state.errorCode), ...coded(state.error));
}

/** The sentence of the service is in English: what kind of problem it is, in the reader's language. */
const heading = (code) => (has(`error.${code}`) ? [html("strong", { title: code }, say(`error.${code}`)), " "] : []);

/** How far a file or document has come, from 0 to 1; null where nobody knows yet. */
export function shareOf(item, state) {
  if (state) {
    if (!isOpen(state)) return 1;
    return state.pagesTotal ? (state.pagesDone ?? 0) / state.pagesTotal : null;
  }
  return item?.state === "refused" || item?.state === "cancelled" ? 1 : 0;
}

function progress(item, state, status) {
  if (isOpen(state)) {
    const { pagesDone: done = 0, pagesTotal: count } = state;
    const told = count ? say("row.pages_done", { done, count }) : waits(state);
    return [bar(state.fileName, state.status === "pending" ? 0 : shareOf(item, state), told), html("span", { class: "told" }, told)];
  }
  if (ON_ITS_WAY.has(item?.state) && !state) {
    const share = item.file.size ? item.sentBytes / item.file.size : 0;
    const told = item.waitSeconds ? say("row.wait", { count: item.waitSeconds })
      : say(item.state === "uploading" && share ? "row.uploading" : "row.waiting", { share: percent(share) });
    return [bar(item.name, share, told), html("span", { class: "told" }, told)];
  }
  if (status === "held" && item.estimate) return [html("span", { class: "told" }, costOf(item.estimate))];
  return status === "held" ? [html("span", { class: "told" }, say(item.isUncounted ? "row.uncounted" : "row.counting"))] : [];
}

function waits({ status, queuePosition }) {
  if (status === "processing") return say("row.reading");
  return queuePosition ? say("row.queue", { count: queuePosition }) : say("row.turn");
}

export function costOf({ pages, costMicros, pagesAreEstimated }) {
  const cost = costMicros ? money(costMicros) : say("cost.free");
  return say(pagesAreEstimated ? "cost.about" : "cost.for", { cost, count: pages });
}

function bar(label, share, told) {
  return html("progress", { max: 1, value: share, "aria-label": say("row.progress", { name: label }), "aria-valuetext": told });
}
