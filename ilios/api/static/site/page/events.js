// The service's events, read as they come: browsers' own EventSource sends no key.
import { Problem, call } from "./service.js";

const AGAIN_MS = 3000;

/** Yield the fields of each event of a stream, as `{event, id, data, retry}`. */
async function* eventsOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const parts = (held + value).split("\n\n");
      held = parts.pop();
      for (const part of parts) yield fieldsOf(part);
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function fieldsOf(part) {
  const lines = part.split("\n").filter((line) => !line.startsWith(":"));
  return Object.fromEntries(lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1).trimStart()];
  }));
}

/** Tell of each change of the key's documents while it is switched on; see `listen`. */
export class Listener {
  #abort = null;
  #last = null;
  #told;
  #connected;

  /** `told` gets each status, `connected` is called when a new stream has begun. */
  constructor(told, connected) {
    this.#told = told;
    this.#connected = connected;
  }

  listen(isWanted) {
    if (isWanted === (this.#abort !== null)) return;
    if (isWanted) {
      this.#abort = new AbortController();
      this.#follow(this.#abort.signal);
    } else {
      this.#abort.abort();
      this.#abort = null;
      this.#last = null;
    }
  }

  async #follow(signal) {
    while (!signal.aborted) {
      let again = AGAIN_MS;
      try {
        again = await this.#stream(signal, again);
      } catch (error) {
        if (error instanceof Problem && error.status >= 400 && error.status < 500 && error.status !== 429) return;
      }
      if (!signal.aborted) await new Promise((resume) => setTimeout(resume, again));
    }
  }

  /** Read one stream to its end; returns after how many ms the next one may begin. */
  async #stream(signal, again) {
    const more = this.#last ? { "Last-Event-ID": this.#last } : {};
    const answer = await call("/api/documents/events", { signal, more });
    this.#connected();
    for await (const { id, data, retry } of eventsOf(answer.body)) {
      if (retry) again = Number(retry);
      if (id) this.#last = id;
      if (data) this.#told(JSON.parse(data));
    }
    return again;
  }
}
