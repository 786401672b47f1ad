// Sends files: one as a document, several as batches. A file that is refused does not hold up others.
import { ask, isOpen, learn, stateOf } from "./documents.js";
import { visible } from "./files.js";
import { isCostWanted } from "./options.js";
import { Problem, json, upload } from "./service.js";
import { say, size } from "./words.js";

const { dataset } = document.body;
const MAX_FILE = Number(dataset.maxFile);
const MAX_REQUEST = Math.min(Number(dataset.maxRequest), 2 ** 28); // a batch begins once all of it has come
const MAX_BATCH = Number(dataset.maxBatch);
const ARCHIVES = dataset.archives.split(","); // extensions of what becomes a batch of its documents
const NAMELESS = "document"; // as the service calls it
const FORM_BYTES = 4096; // of a request beside its files: fields and heads

const PASSING = new Set(["unreachable", "offline", "no_key", "unauthorized"]);
const ON_ITS_WAY = new Set(["waiting", "uploading"]);
/** Why a batch is refused whole of which some may be taken alone: names that are not ours, or too much of it. */
const MAY_FIT_ALONE = new Set(["batch_refused", "storage_quota_exceeded", "too_many_waiting"]);

let numbered = 0;

/** A file on its way to becoming a document. `state`: held, waiting, uploading, sent, refused, cancelled. */
class Item {
  state = "held";
  id = null;
  sentBytes = 0;
  waitSeconds = 0;
  problem = null;
  estimate = null;
  isUncounted = false; // nobody knows its cost before it is sent
  password = null; // of its own, once it was asked for
  isUnwanted = false; // stopped, while a request with it was on its way
  changed = () => {};

  /** `folder` is that of the whole drop, which is told once. */
  constructor({ file, path }, folder) {
    numbered += 1;
    this.number = numbered; // of the page, which has no ids of files
    this.file = file;
    this.path = path;
    this.label = folder ? path.slice(folder.length + 1) : path;
    if (!file) this.refuse(new Problem("unreadable"));
    else if (!file.size) this.refuse(new Problem("empty"));
    else if (file.size > MAX_FILE) this.refuse(new Problem("too_large", say("problem.too_large", { size: size(MAX_FILE) })));
  }

  get isArchive() {
    return ARCHIVES.some((extension) => this.name.toLowerCase().endsWith(extension));
  }

  /** Whether it did not arrive for a reason that may be gone by now. */
  get mayArrive() {
    if (this.state === "cancelled") return !this.id;
    return this.state === "refused" && (PASSING.has(this.problem.code) || this.problem.status === 429 || this.problem.status >= 500);
  }

  get name() {
    return visible(this.file?.name ?? this.path.split("/").at(-1)).trim() || NAMELESS;
  }

  become(state, more = {}) {
    Object.assign(this, { state, waitSeconds: 0, ...more });
    this.changed(this);
  }

  leaveUncounted() {
    this.isUncounted = true;
    this.changed(this);
  }

  refuse(problem) {
    this.become("refused", { problem });
  }

  accept(document) {
    this.id = document.id;
    this.password = null;
    const told = stateOf(document.id); // an event may have been quicker
    learn({ createdAt: new Date().toISOString(), pagesDone: 0, pagesTotal: null, ...document, ...told });
    this.become("sent", { problem: null });
    if (this.isUnwanted) json(`/api/documents/${this.id}/cancel`, { method: "POST" }).then(learn, () => {});
    else if (!isOpen(stateOf(this.id))) ask(this.id).catch(() => {}); // an earlier result: of how many pages?
  }
}

/** The files of one drop, and the batches that they were sent as. */
export class Delivery {
  batches = [];
  changed = () => {};
  #abort = new AbortController();

  constructor(files, options) {
    const folders = new Set(files.map(({ path }) => (path.includes("/") ? path.split("/")[0] : "")));
    this.folder = folders.size === 1 ? [...folders][0] : "";
    this.items = files.map((one) => new Item(one, this.folder));
    this.options = options;
  }

  /** Mistral's batch lane takes batches only, also of one file. */
  get #isLane() {
    return Boolean(this.options.batch.useMistralBatch);
  }

  cancel() {
    this.#abort.abort(new Problem("cancelled"));
    this.#abort = new AbortController();
  }

  /** Stop one file; the others of its request go on. */
  stop(item) {
    const isAlone = this.items.every((one) => one === item || !ON_ITS_WAY.has(one.state));
    if (isAlone) {
      this.cancel();
    } else {
      item.isUnwanted = true;
      item.become("cancelled");
    }
  }

  /** Send what did not arrive once more. What has to show its cost first, and has not, is counted and held. */
  async sendAgain(items) {
    const isHeld = (item) => (this.options.costFirst || isCostWanted()) && !item.estimate && !item.isUncounted;
    const held = items.filter(isHeld);
    for (const item of items) item.become("held", { problem: null });
    await Promise.all([this.send(items.filter((item) => !held.includes(item))), estimate(held, this.options)]);
  }

  /** Try a file once more with a password of its own. */
  unlock(item, password) {
    item.password = password;
    return this.sendAgain([item]);
  }

  /** Leave out what has arrived: it belongs to another key. */
  forgetSent() {
    this.batches = [];
    this.items = this.items.filter(({ id }) => !id);
  }

  /** Send those that wait to be sent, one request after the other. */
  async send(items = this.items) {
    const ready = items.filter(({ state }) => state === "held" || state === "cancelled");
    for (const item of ready) item.become("waiting", { sentBytes: 0, problem: null, isUnwanted: false });
    const alone = this.options.isAlone || (ready.length === 1 && !this.#isLane);
    const isApart = ({ isArchive, password }) => isArchive || password; // a batch of its own, or a form
    const requests = alone ? ready.map((item) => [item])
      : [...batchesOf(ready.filter((item) => !isApart(item))), ...ready.filter(isApart).map((item) => [item])];
    const { signal } = this.#abort;
    for (const request of requests) await this.#request(request, signal);
  }

  async #request(wanted, signal) {
    const items = wanted.filter(({ isUnwanted }) => !isUnwanted);
    if (!items.length) return;
    if (signal.aborted) {
      for (const item of items) item.become("cancelled");
    } else if (items.length === 1 && !this.#isLane) {
      await this.#one(items[0], signal);
    } else {
      await this.#batch(items, signal);
    }
  }

  async #one(item, signal) {
    try {
      const form = formOf(this.options.single, item);
      form.append("file", item.file, item.name);
      const answer = await upload("/api/documents/submit", form, this.#progress([item], signal));
      if (answer.batchId) this.#accept([item], answer);
      else item.accept(answer);
    } catch (problem) {
      fail([item], inArchive(problem));
    }
  }

  /** Take what a batch became; documents of an archive have rows of their own. */
  #accept(items, { batchId, documents }) {
    this.batches.push(batchId);
    const isUnpacked = items.length === 1 ? items[0].name !== documents[0].fileName : items.length !== documents.length;
    documents.forEach((document, place) => {
      const path = document.fileName;
      const item = items[place] ?? new Item({ file: items[0].file, path }, "");
      if (isUnpacked) item.label = path;
      item.accept({ ...document, batchId });
      if (place >= items.length) this.items.push(item);
    });
    this.changed();
  }

  async #batch(items, signal) {
    try {
      const form = formOf(this.options.batch, items[0]);
      for (const { file, name } of items) form.append("files", file, name);
      this.#accept(items, await upload("/v1/batch/submit", form, this.#progress(items, signal)));
    } catch (problem) {
      const rest = items.length === 1 ? items : refusedOf(items, problem);
      if (rest.length < items.length) {
        if (rest.length) await this.#request(rest, signal);
      } else if (MAY_FIT_ALONE.has(problem.code) && items.length > 1) {
        for (const item of items) if (!item.isUnwanted) item.become("waiting", { sentBytes: 0 });
        for (const item of items) await this.#request([item], signal);
      } else {
        fail(items, inArchive(problem));
      }
    }
  }

  /** Files leave one after the other, so that the bytes of a request tell how far each has come. */
  #progress(items, signal) {
    const sent = (loaded) => {
      let before = 0;
      for (const item of items) {
        const own = Math.max(0, Math.min(loaded - before, item.file.size));
        const state = before === 0 || own ? "uploading" : "waiting";
        before += item.file.size;
        if (item.isUnwanted) continue;
        if (own !== item.sentBytes || item.state !== state || item.waitSeconds) item.become(state, { sentBytes: own });
      }
    };
    sent(0);
    const waiting = (waitSeconds) => {
      for (const item of items) if (!item.isUnwanted) item.become("waiting", { waitSeconds });
    };
    return { sent, waiting, signal };
  }
}

/** Refuse the files that a batch names; returns the others, which may be sent again. */
function refusedOf(items, problem) {
  const named = new Map((problem.errors ?? []).map((reason) => [reason.name, reason]));
  return items.filter((item) => {
    const reason = named.get(item.name.normalize("NFC"));
    if (!reason) return true;
    item.refuse(new Problem(reason.code, reason.detail));
    return false;
  });
}

/** Say of a file alone what a batch says of it, or of each document of an archive. */
function inArchive(problem) {
  const { code, errors = [] } = problem;
  if (code !== "batch_refused" || !errors.length) return problem;
  const told = errors.map(({ name, detail }) => (detail.includes(name) ? detail : `${name}: ${detail}`));
  return new Problem(errors.length === 1 ? errors[0].code : code, told.join(" "));
}

function fail(items, problem) {
  for (const item of items) {
    if (item.isUnwanted || problem.code === "cancelled") item.become("cancelled");
    else item.refuse(problem instanceof Problem ? problem : new Problem("unreachable"));
  }
}

/** Cut files into batches that the service takes, in which each has a name of its own. */
function batchesOf(items) {
  const batches = [];
  for (const item of items) {
    const bytes = item.file.size + FORM_BYTES;
    const fits = (batch) => batch.items.length < MAX_BATCH && batch.bytes + bytes <= MAX_REQUEST && !batch.names.has(item.name);
    let batch = batches.find(fits);
    if (!batch) batches.push(batch = { items: [], bytes: 0, names: new Set() });
    batch.items.push(item);
    batch.bytes += bytes;
    batch.names.add(item.name);
  }
  return batches.map((batch) => batch.items);
}

/** Return the form of a call; a file's own password goes before that of its drop. */
function formOf(fields, { password }) {
  const form = new FormData();
  for (const [name, value] of Object.entries(password ? { ...fields, password } : fields)) if (value) form.append(name, value);
  return form;
}

/** Ask what each file would cost, one after the other; archives are counted when they are unpacked. */
export async function estimate(items, options) {
  for (const item of items) {
    if (item.state !== "held") continue;
    if (item.isArchive) {
      item.leaveUncounted();
      continue;
    }
    const form = formOf(options.estimate, item);
    form.append("file", item.file, item.name);
    try {
      item.estimate = await upload("/v1/estimate", form, {});
      item.changed(item);
    } catch (problem) {
      if (problem.code === "archive_needs_batch") item.leaveUncounted(); // its name did not tell
      else fail([item], problem);
    }
  }
}
