// Images that need the key, as blobs: fetched one after the other in view, given back when many are held.
import { call } from "./service.js";

const AT_ONCE = 2; // as many as a web process draws
const HELD_AT_MOST = 40;

let running = 0;
const waiting = [];

async function turn() {
  if (running >= AT_ONCE) await new Promise((resume) => waiting.push(resume));
  running += 1;
}

function done() {
  running -= 1;
  waiting.pop()?.(); // the one asked for last is most likely in view
}

/** The blobs of one viewer. Close it when that is left. */
export class Pictures {
  #held = new Map();
  #abort = new AbortController();

  /** Return an address of an image for `src`; `dropped` is called if it is given back. Raises Problem. */
  async get(path, dropped) {
    const { signal } = this.#abort;
    await turn();
    try {
      signal.throwIfAborted();
      const blob = await (await call(path, { signal })).blob();
      signal.throwIfAborted();
      const url = URL.createObjectURL(blob);
      this.#held.set(url, dropped);
      for (const [oldest, drop] of this.#held) {
        if (this.#held.size <= HELD_AT_MOST) break;
        this.#give(oldest);
        drop();
      }
      return url;
    } finally {
      done();
    }
  }

  #give(url) {
    this.#held.delete(url);
    URL.revokeObjectURL(url);
  }

  close() {
    this.#abort.abort();
    for (const url of [...this.#held.keys()]) this.#give(url);
  }
}
