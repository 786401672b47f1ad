// What is known of documents: each has one state here, whoever told it, and those who show it are told.
import { Listener } from "./events.js";
import { json } from "./service.js";

const OPEN = new Set(["pending", "processing"]);
const READABLE = new Set(["completed", "archived"]);

const LISTED = 200;

const states = new Map();
const watchers = new Map();
const seen = new Set();
const listener = new Listener(learn, catchUp);

export const isOpen = (state) => OPEN.has(state?.status);
export const isReadable = (state) => READABLE.has(state?.status);
export const stateOf = (id) => states.get(id);

/** Take over what an answer or an event says of a document. */
export function learn(told) {
  const before = states.get(told.id);
  const now = { ...before, ...told };
  if (told.status !== "failed") for (const field of ["error", "errorCode"]) if (!(field in told)) delete now[field];
  now.fileName ||= before?.fileName; // of one that was deleted the service has forgotten it
  states.set(told.id, now);
  for (const watcher of watchers.get(told.id) ?? []) watcher(now);
  if (before && isOpen(before) && !isOpen(now)) for (const watcher of seen) watcher(now);
  listenIfNeeded();
}

/** Take over what a list says, which may be older than what an event has told. */
export function learnListed(document) {
  const known = states.get(document.id);
  if (known && !isOpen(known) && isOpen(document)) ask(document.id).catch(() => {});
  else learn(document);
}

/** Call a function at each change of a document; returns what ends that. */
export function watch(id, changed) {
  if (!watchers.has(id)) watchers.set(id, new Set());
  watchers.get(id).add(changed);
  return () => watchers.get(id)?.delete(changed);
}

/** Call a function with the state of each document that has come to its end. */
export const onEnd = (ended) => seen.add(ended);

/** An open stream takes one of the few connections that a browser has: only while something goes on. */
function listenIfNeeded() {
  listener.listen(!document.hidden && [...states.values()].some(isOpen));
}

/** Learn what ended before the stream began, of which it does not tell: what was deleted is not even listed. */
async function catchUp() {
  try {
    const { documents, nextCursor } = await json(`/api/documents?limit=${LISTED}`);
    for (const document of documents) if (isOpen(states.get(document.id))) learnListed(document);
    const listed = new Set(documents.map(({ id }) => id));
    const oldest = nextCursor ? documents.at(-1).createdAt : "";
    for (const [id, state] of states) {
      if (isOpen(state) && !listed.has(id) && state.createdAt > oldest) ask(id).catch(() => {});
    }
  } catch {
    // the stream tells of what is still open
  }
}

/** Learn the present status of a document; returns whether the key has it. One that is not there counts as deleted. */
export async function ask(id) {
  try {
    learn(await json(`/api/documents/status/${id}`));
    return true;
  } catch (problem) {
    if (problem.status !== 404) throw problem;
    learn({ id, status: "deleted" });
    return false;
  }
}

/** Forget all documents: they belong to another key. */
export function forget() {
  states.clear();
  listenIfNeeded();
}

document.addEventListener("visibilitychange", listenIfNeeded);
