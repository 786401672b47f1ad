// The page: takes files, shows what becomes of them, and leads from the list to a document and back.
import { announceEnd, deliveryGroup } from "./batches.js";
import { complain } from "./dialogs.js";
import { forget, onEnd } from "./documents.js";
import { chosen, dropped } from "./files.js";
import { onEntered } from "./key.js";
import { read } from "./options.js";
import * as recent from "./recent.js";
import { Delivery, estimate } from "./sending.js";
import { Problem, json } from "./service.js";
import { listed, openHelp, shortcut } from "./shortcuts.js";
import * as usage from "./usage.js";
import * as viewer from "./viewer.js";
import { language, speak } from "./words.js";

const DOCUMENT = /^#\/documents\/([a-z0-9]{20,30})(?:\/(\d+))?$/;
const USAGE_MS = 2000; // after a document has ended, before the usage is asked for anew

const find = (id) => document.getElementById(id);
const drop = find("drop");
const sent = find("sent");
const deliveries = new Map(); // each with its group

function deliver({ documents, leftOut }) {
  if (!documents.length) {
    if (leftOut) complain(null, new Problem("only_hidden"));
    return;
  }
  const options = read();
  if (options === null) return;
  location.hash = "#/";
  const delivery = new Delivery(documents, options);
  const group = deliveryGroup(delivery, leftOut, () => {
    deliveries.delete(delivery);
    recent.load();
  });
  deliveries.set(delivery, group);
  group.element.classList.toggle("single", documents.length === 1);
  sent.prepend(group.element);
  recent.tellNothing();
  if (options.costFirst) estimate(delivery.items, options);
  else delivery.send();
}

recent.leaveOut(
  (id) => [...deliveries.keys()].some(({ items }) => items.some((item) => item.id === id)),
  () => deliveries.size > 0,
);

for (const id of ["file", "folder"]) {
  find(id).addEventListener("change", ({ target }) => {
    const files = chosen(target.files);
    target.value = ""; // so that the same file can be chosen again
    deliver(files);
  });
}

const hasFiles = (event) => event.dataTransfer?.types.includes("Files");

document.addEventListener("dragover", (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  drop.classList.add("over");
});
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) drop.classList.remove("over"); });
document.addEventListener("drop", async (event) => {
  drop.classList.remove("over");
  if (!hasFiles(event)) return;
  event.preventDefault(); // else the browser leaves the page for the file
  deliver(await dropped(event.dataTransfer));
});
document.addEventListener("paste", (event) => {
  if (event.clipboardData?.files.length) deliver(chosen(event.clipboardData.files));
});
window.addEventListener("beforeunload", (event) => {
  const isSending = [...deliveries.keys()].some(({ items }) => items.some(({ state }) => state === "waiting" || state === "uploading"));
  if (isSending) event.preventDefault();
});

let from = null; // the document that was looked at last: its row gets the focus back

function route() {
  const [, id, page] = DOCUMENT.exec(location.hash) ?? [];
  find("home").hidden = Boolean(id);
  find("viewer").hidden = !id;
  if (id) {
    const isNew = id !== from;
    from = id;
    viewer.show(id, page ? Number(page) : null);
    if (isNew) {
      window.scrollTo(0, 0);
      find("viewer-title").focus({ preventScroll: true });
    }
  } else {
    viewer.close();
    if (from) document.querySelector(`#home a[href="#/documents/${from}"]`)?.focus();
    from = null;
  }
}

window.addEventListener("hashchange", route);

const languages = find("language");
languages.value = language();
languages.addEventListener("change", () => speak(languages.value));

const atHome = () => !find("home").hidden;
const inViewer = () => !atHome();
shortcut("o", "choose", () => { location.hash = "#/"; find("file").click(); });
shortcut("/", "search", () => find("search").focus(), atHome);
shortcut("n", "next", () => viewer.shown()?.step(1), inViewer);
shortcut("p", "previous", () => viewer.shown()?.step(-1), inViewer);
shortcut("m", "marked", () => viewer.shown()?.stepMarked(), inViewer);
shortcut("]", "block", () => viewer.shown()?.stepBlock(1), inViewer);
shortcut("[", "block_back", () => viewer.shown()?.stepBlock(-1), inViewer);
shortcut("s", "source", viewer.turnSource, inViewer);
shortcut("c", "copy", viewer.copy, inViewer);
shortcut("u", "back", () => { location.hash = "#/"; }, inViewer);
shortcut("?", "help", openHelp);
listed();

let later = null;
onEnd((state) => {
  announceEnd(state);
  clearTimeout(later);
  later = setTimeout(usage.load, USAGE_MS);
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && atHome() && !find("recent-list").contains(document.activeElement)) recent.load();
});

/** Offer what the service can do, and the key may ask for. */
async function offer() {
  const { schema, providerBatches, scopes } = await json("/api/features");
  find("by-schema").hidden = !schema;
  find("batch-lane-field").hidden = !providerBatches;
  find("send").hidden = !scopes.includes("convert");
  await Promise.all([recent.load(), usage.load()]);
}

let offering = null;

function start() {
  offering ??= offer().catch((problem) => complain(null, problem)).finally(() => { offering = null; });
}

onEntered((isOther) => {
  if (isOther) {
    for (const group of [...deliveries.values()]) group.forget();
    recent.empty();
    forget();
    viewer.close();
    route();
  }
  start();
});
route();
start();
