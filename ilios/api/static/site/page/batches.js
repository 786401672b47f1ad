// Documents that came together, under one bar: those of a drop, or those of a batch in the list.
import { html } from "../elements.js";
import { sentBy } from "./actions.js";
import { isOpen, onEnd, stateOf } from "./documents.js";
import { announce, complain } from "./dialogs.js";
import { batchMenu } from "./downloads.js";
import { costOf, row, shareOf, statusOf } from "./rows.js";
import { json } from "./service.js";
import { drawn, language, say } from "./words.js";

const SHOWN = 100; // rows of a drop, before all are asked for
const BETWEEN_MS = 3000; // of two looks at a batch
const ENDED = new Set(["completed", "archived", "failed", "cancelled", "deleted", "refused"]);
let numbered = 0;

/** The head of a group: its name, one bar, what it says, and its buttons. */
class Head {
  constructor(level) {
    numbered += 1;
    this.title = html(level, { id: `group-${numbered}` });
    this.bar = html("progress", { max: 1, "aria-labelledby": this.title.id });
    this.told = html("span", { class: "told" });
    this.actions = html("div", { class: "actions" });
    this.element = html("div", { class: "group-head" }, this.title, html("div", { class: "how" }, this.bar, this.told), this.actions);
    this.signature = null;
  }

  show(title, share, told, signature, actions) {
    this.title.textContent = title;
    this.bar.hidden = share === 1;
    this.bar.value = share;
    this.bar.setAttribute("aria-valuetext", told);
    this.told.textContent = told;
    const now = `${signature} ${language()}`;
    if (now !== this.signature) this.actions.replaceChildren(...actions());
    this.signature = now;
  }
}

const button = (action, act, kind = "quiet", values = {}) => html("button", { type: "button", class: kind, "data-action": action, click: act }, say(`action.${action}`, values));

/** Show a delivery; returns its element, and what empties it for another key. `gone` is called when nothing of it is left. */
export function deliveryGroup(delivery, leftOut, gone) {
  const head = new Head("h2");
  const list = html("ul", { class: "rows" });
  const more = html("button", { type: "button", class: "quiet more", click: () => showAll() });
  const element = html("section", { class: "group", "aria-labelledby": head.title.id }, head.element, list, more);
  const rows = new Map();
  let all = false;

  function fill() {
    const shown = all ? delivery.items : delivery.items.filter((item, place) => place < SHOWN || item.state === "refused");
    for (const item of shown) {
      if (rows.has(item)) continue;
      sentBy(item, delivery);
      rows.set(item, row({ item }));
      list.append(rows.get(item).element);
    }
    if (delivery.items.length > 1) element.classList.remove("single"); // also of what an archive held
    for (const item of delivery.items) if (!rows.has(item)) item.changed = () => { if (item.state === "refused") fill(); draw(); };
    more.hidden = shown.length === delivery.items.length;
  }

  function showAll() {
    all = true;
    fill();
    draw();
  }

  /** Take away what belongs to another key, and all if that is all. */
  function forget() {
    delivery.forgetSent();
    for (const [item, one] of rows) {
      if (delivery.items.includes(item)) continue;
      one.remove();
      rows.delete(item);
    }
    if (delivery.items.length) draw();
    else put();
  }

  let asked = false;
  function draw() {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      drawHead(head, delivery, leftOut, put);
      more.textContent = say("group.more", { count: delivery.items.length - rows.size });
    });
  }

  function put() {
    element.remove();
    for (const one of rows.values()) one.remove();
    gone();
  }

  element.addEventListener("progress", draw);
  element.addEventListener("leave", ({ detail: item }) => {
    delivery.items.splice(delivery.items.indexOf(item), 1);
    rows.get(item)?.remove();
    rows.delete(item);
    if (delivery.items.length) draw();
    else put();
  });
  delivery.changed = () => {
    fill();
    draw();
  };
  onEnd(draw); // also of documents without a row
  drawn(() => {
    for (const one of rows.values()) one.draw();
    draw();
  });
  fill();
  return { element, forget };
}

function drawHead(head, delivery, leftOut, put) {
  const { items } = delivery;
  const states = items.map((item) => stateOf(item.id));
  const statuses = items.map((item, place) => statusOf(item, states[place]));
  const share = items.reduce((sum, item, place) => sum + (shareOf(item, states[place]) ?? 0), 0) / (items.length || 1);
  const ended = statuses.filter((status) => ENDED.has(status)).length;
  const held = items.filter(({ state }) => state === "held");
  const counted = held.length > 0 && held.every(({ estimate, isUncounted }) => estimate || isUncounted);
  const again = items.filter(({ mayArrive }) => mayArrive);
  const way = statuses.some((status) => ["waiting", "uploading", "pending", "processing"].includes(status));
  const told = [
    held.length ? (counted ? totalOf(held) : say("row.counting")) : say("group.done", { done: ended, count: items.length }),
    leftOut ? say("group.left_out", { count: leftOut }) : null,
  ].filter(Boolean).join(" · ");
  const done = !way && !held.length;
  head.show(titleOf(delivery), held.length ? 1 : share, told, `${done} ${counted} ${delivery.batches.length} ${way} ${again.length}`, () => [
    counted ? button("convert_all", () => delivery.send(delivery.items.filter(({ state }) => state === "held")), "small") : null,
    again.length > 1 ? button("again_all", () => delivery.sendAgain(delivery.items.filter(({ mayArrive }) => mayArrive)), "small", { count: again.length }) : null,
    ...(done ? delivery.batches.map(batchMenu) : []),
    way ? button("cancel_all", () => cancel(delivery)) : null,
    done ? button("put_away", put) : null,
  ].filter(Boolean));
}

function titleOf({ folder, items }) {
  const count = say("group.files", { count: items.length });
  return folder ? `${folder}: ${count}` : count;
}

function totalOf(items) {
  const counted = items.filter(({ estimate }) => estimate);
  const sum = (of) => counted.reduce((total, { estimate }) => total + of(estimate), 0);
  const total = counted.length ? costOf({
    pages: sum(({ pages }) => pages),
    costMicros: sum(({ costMicros }) => costMicros),
    pagesAreEstimated: counted.some(({ estimate }) => estimate.pagesAreEstimated),
  }) : null;
  const archives = items.length - counted.length;
  return [total, archives ? say("group.uncounted", { count: archives }) : null].filter(Boolean).join(" · ");
}

async function cancel(delivery) {
  delivery.cancel();
  const alone = delivery.items.filter(({ id }) => isOpen(stateOf(id)) && !stateOf(id).batchId);
  const paths = [...delivery.batches.map((id) => `/v1/batch/${id}/cancel`), ...alone.map(({ id }) => `/api/documents/${id}/cancel`)];
  for (const path of paths) {
    try {
      await json(path, { method: "POST" });
    } catch (problem) {
      if (problem.code !== "too_late") complain(null, problem);
    }
  }
}

/** Show documents of the list that came in one batch, below what the service says of all of it. */
export function batchGroup(batchId, ids) {
  const head = new Head("h3");
  const list = html("ul", { class: "rows" });
  const rows = ids.map((id) => row({ id }));
  list.append(...rows.map(({ element }) => element));
  let status = null;
  let timer = null;
  let isGone = false;

  async function look() {
    timer = null;
    try {
      status = await json(`/v1/batch/status/${batchId}`);
      draw();
      if (!status.completedAt && !isGone) timer = setTimeout(look, BETWEEN_MS);
    } catch {
      // its rows say what there is to say
    }
  }

  function draw() {
    for (const one of rows) one.draw();
    if (!status) {
      head.show(say("group.batch", { count: rows.length }), 1, "", "", () => []);
      return;
    }
    const { total, pending, processing } = status.progress;
    const done = total - pending - processing;
    head.show(say("group.batch", { count: total }), done / total, say("group.done", { done, count: total }), String(status.completedAt), () => (
      status.completedAt ? [batchMenu(batchId)] : [button("cancel_all", async () => {
        await json(`/v1/batch/${batchId}/cancel`, { method: "POST" }).catch((problem) => complain(null, problem));
        look();
      })]));
  }

  draw();
  look();
  return {
    element: html("li", { class: "group" }, head.element, list),
    draw,
    remove: () => {
      isGone = true;
      clearTimeout(timer);
      for (const one of rows) one.remove();
    },
  };
}

/** Have the end of each document said, and not each step. */
export function announceEnd(state) {
  const key = `announce.${state.status}`;
  if (["completed", "failed", "cancelled", "deleted"].includes(state.status)) announce(say(key, { name: state.fileName }));
}
