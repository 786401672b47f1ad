// Calls of the service: with the key, again where the service asks to wait, and with its problems.
import { headers, isMissing, ask, refused } from "./key.js";
import { say } from "./words.js";

const WAIT_AT_MOST_SECONDS = 60;
const TRIES = 6;
const WAITS = new Set([429, 503]);

/** What the service has against a request, in its own words; `said()` is for people. */
export class Problem extends Error {
  constructor(code, detail = "", { status = 0, errors = [] } = {}) {
    super(detail || code);
    Object.assign(this, { code, detail, status, errors });
  }

  said() {
    return this.detail || say(`problem.${this.code}`);
  }
}

/** No answer: of a file that was sent, as it may have been changed meanwhile, there is more to say. */
const silence = (code) => new Problem(navigator.onLine ? code : "offline");

function problemOf(status, text) {
  try {
    const { code, detail, errors } = JSON.parse(text);
    if (detail) return new Problem(code, detail, { status, errors });
  } catch {
    // a proxy between, which answers in HTML
  }
  return new Problem("strange", say("problem.strange", { status: String(status) }), { status });
}

const pause = (seconds, signal) => new Promise((resolve, reject) => {
  const timer = setTimeout(resolve, seconds * 1000);
  signal?.addEventListener("abort", () => {
    clearTimeout(timer);
    reject(signal.reason);
  }, { once: true });
});

/**
 * Make a call until it is answered: with another key where one is refused, and later where the
 * service asks for that. `send` gives {status, retryAfter, text()} of one try.
 */
async function answered(send, { signal, waiting } = {}) {
  if (isMissing() && !(await ask())) throw new Problem("no_key");
  for (let tries = 1; ; tries += 1) {
    const sent = headers();
    const answer = await send(sent);
    if (answer.status >= 200 && answer.status < 300) return answer;
    const problem = problemOf(answer.status, await answer.text());
    if (problem.status === 401) {
      if (!(await refused(sent.Authorization, problem.detail))) throw problem;
    } else if (WAITS.has(problem.status) && answer.retryAfter && answer.retryAfter <= WAIT_AT_MOST_SECONDS && tries < TRIES) {
      waiting?.(answer.retryAfter);
      await pause(answer.retryAfter, signal);
    } else {
      throw problem;
    }
  }
}

/** Fetch something of the service. Raises Problem. */
export function call(path, { method = "GET", body, signal, more = {} } = {}) {
  return answered(async (key) => {
    let answer;
    try {
      answer = await fetch(path, { method, body, signal, headers: { ...key, ...more } });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw silence("away");
    }
    Object.defineProperty(answer, "retryAfter", { value: Number(answer.headers.get("Retry-After")) });
    return answer;
  }, { signal });
}

export const json = async (path, options) => (await call(path, options)).json();

/**
 * Send a form; `sent` is told how many bytes have left, which fetch does not report.
 * Raises Problem, or the reason of the signal.
 */
export async function upload(path, form, { sent, waiting, signal }) {
  const answer = await answered((key) => new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const stop = () => request.abort();
    request.open("POST", path);
    for (const [name, value] of Object.entries(key)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => sent?.(event.loaded);
    request.onerror = () => reject(silence("unreachable"));
    request.onabort = () => reject(signal.reason);
    request.onloadend = () => signal?.removeEventListener("abort", stop);
    request.onload = () => resolve({
      status: request.status,
      retryAfter: Number(request.getResponseHeader("Retry-After")),
      text: async () => request.responseText,
    });
    if (signal?.aborted) reject(signal.reason);
    else {
      signal?.addEventListener("abort", stop);
      request.send(form);
    }
  }), { signal, waiting });
  return JSON.parse(await answer.text());
}
