// The status, as it is answered, put into the places of the page.
import { dayChart, share, spark } from "./charts.js";
import { html, pairs, table } from "./elements.js";

const put = (id, ...children) => document.getElementById(id).replaceChildren(...children);
const none = "–";

const count = (number) => number.toLocaleString("en");
const plural = (number, word) => `${count(number)} ${word}${number === 1 ? "" : "s"}`;

/** Exact: what is cut off are zeros. */
const money = (dollars) => `$${dollars.replace(/(\.\d{2,}?)0+$/, "$1")}`;
const moneyOfMicros = (micros) => money((micros / 1e6).toFixed(6)); // exact below 2**53

function duration(seconds) {
  const units = [[86400, "d"], [3600, "h"], [60, "min"]];
  const [size, unit] = units.find(([least]) => seconds >= least) ?? [1, "s"];
  return `${Math.floor(Math.max(0, seconds) / size)} ${unit}`;
}

function size(bytes) {
  if (bytes < 1024) return `${bytes} bytes`;
  const inKib = bytes < 1024 * 1024;
  return `${(bytes / (inKib ? 1024 : 1024 * 1024)).toFixed(1)} ${inKib ? "KiB" : "MiB"}`;
}

/** A moment as a span of time from when the status was made; the moment itself is its title. */
function span(moment, now, words) {
  if (!moment) return none;
  const seconds = Math.abs(Date.parse(now) - Date.parse(moment)) / 1000;
  return html("time", { datetime: moment, title: moment }, words(duration(seconds)));
}
const since = (moment, now) => span(moment, now, (spent) => spent);
const ago = (moment, now) => span(moment, now, (spent) => `${spent} ago`);

const mark = (kind, text) => html("span", { class: `mark ${kind}` }, text);
const code = (text) => html("code", {}, text);
const named = (document) => (document ? code(document) : "a batch’s step");
const sort = ({ mimeType, fileSize }) => (mimeType ? `${mimeType}, ${size(fileSize)}` : none);

const sum = (rows, of) => rows.reduce((total, row) => total + of(row), 0);

const FINE = new Set(["connected", "ok", "local", "configured", "not used"]);
const SERVICES = {
  database: "Database", s3: "Object store", workers: "Workers", queue: "Queue", provider: "Mistral", turso: "Turso", disk: "Disk",
};

const BLOCKED = {
  paused: "no job starts before `ilios queue resume`",
  draining: "no job starts, the service stops",
  disk_full: "no job starts, the disk is full",
  store_unreachable: "no job starts, the object store does not answer",
  database_busy: "no job starts, the database is locked or out of order",
  provider_misconfigured: "no job of Mistral’s lane starts, a setting is wrong",
  provider_unavailable: "no job of Mistral’s lane starts, Mistral fails or asks for a pause",
};

const blocked = (reason) => `${BLOCKED[reason]} (${reason})`;
const claims = (reason) => (reason ? mark("warn", blocked(reason)) : mark("good", "not blocked"));

function verdict(health, { pausedSince }) {
  if (health.cause) return ["bad", `Unhealthy: ${health.cause}`];
  if (pausedSince) return ["warn", `Paused: ${BLOCKED.paused}`];
  if (health.claimsBlocked) return ["warn", `Claims are blocked: ${blocked(health.claimsBlocked)}`];
  const ailing = Object.keys(SERVICES).filter((name) => name in health.services && !FINE.has(health.services[name]));
  return ailing.length ? ["warn", `Works, with a fault: ${ailing.map((name) => SERVICES[name]).join(", ")}`] : ["good", "Healthy"];
}

function headline({ health, queue }) {
  const state = document.getElementById("state");
  const [kind, words] = verdict(health, queue);
  if (state.textContent !== words) { // else a screen reader says it every few seconds
    state.className = `state ${kind}`;
    state.textContent = words;
  }
  state.hidden = false;
}

function tiles({ queue, generatedAt }) {
  const oldest = queue.lanes.map((lane) => lane.oldestAt).filter(Boolean).sort()[0];
  const { completed, failed, pages } = queue.lastHour;
  const retries = sum(queue.lanes, (lane) => lane.retries);
  put("tiles", ...pairs(
    ["Waiting", count(sum(queue.lanes, (lane) => lane.ready))],
    ["Oldest waits", since(oldest, generatedAt)],
    ["Running", count(sum(queue.lanes, (lane) => lane.running))],
    ["Retries", count(retries)],
    ["Done in the last hour", [count(completed), html("small", {}, plural(pages, "page"))]],
    ["Failed in the last hour", failed ? mark("bad", count(failed)) : "0"],
  ));
}

function services({ health, supervisor, version }) {
  const listed = Object.entries(health.services).map(([name, said]) =>
    [SERVICES[name] ?? name, mark(FINE.has(said) ? "good" : "bad", said)]);
  const lag = health.replication;
  put("services", ...pairs(
    ...listed,
    ["Claims", supervisor ? claims(health.claimsBlocked) : none],
    ...(lag ? [["Turso lacks", `${plural(lag.lagRows, "change")}, for ${duration(lag.lagSeconds)}`]] : []),
    ["Supervisor", supervisor ? `process ${supervisor.pid}` : mark("bad", "does not answer")],
    ["Version", version],
  ));
}

const BREAKERS = {
  closed: ["good", "closed: calls go"],
  "half-open": ["warn", "half-open: one call looks whether it works again"],
  open: ["bad", "open: no call goes"],
};

function governor({ governor: found, supervisor }) {
  if (!found) {
    const why = supervisor ? "The embedded engine converts, on this machine." : "The supervisor does not answer.";
    put("governor", ...pairs(["Not used", why]));
    return;
  }
  const { breaker, inFlight, allowed, most, waitSeconds, state } = found;
  const [kind, words] = breaker === "closed" && waitSeconds > 0 ? ["warn", "closed, but calls pause"] : BREAKERS[breaker];
  put("governor", ...pairs(
    ["Breaker", mark(kind, words)],
    ["Jobs in flight", `${count(inFlight)}; ${count(allowed)} allowed now, ${count(most)} when all is well`],
    ["Holds because", state === "ok" ? "it does not: all is well" : state],
    ...(waitSeconds > 0 ? [["Goes on in", duration(Math.ceil(waitSeconds))]] : []),
  ));
}

function queue({ queue: { lanes }, generatedAt }) {
  put("queue", table("Jobs by lane and status", [
    ["Lane", (lane) => lane.lane],
    ["Ready", (lane) => count(lane.ready), "number"],
    ["Delayed", (lane) => count(lane.delayed), "number"],
    ["Running", (lane) => count(lane.running), "number"],
    ["Oldest waits", (lane) => since(lane.oldestAt, generatedAt), "number"],
  ], lanes));
}

const STATES = { ready: "good", starting: "warn", down: "bad" };

function workers({ supervisor }) {
  put("workers", table("Worker processes", [
    ["Worker", (worker) => worker.name],
    ["State", (worker) => mark(STATES[worker.state], worker.state)],
    ["Process", (worker) => worker.pid ?? none, "number"],
    ["Jobs", (worker) => `${worker.jobs} of ${worker.slots}`, "number"],
    ["Up", (worker) => (worker.pid ? duration(worker.upSeconds) : none), "number"],
    ["Restarts", (worker) => count(worker.restarts), "number"],
  ], supervisor?.workers ?? [], "The supervisor does not answer: documents are accepted, and not converted."));
}

function progress({ pagesDone, pageCount, firstPage, lastPage }) {
  if (pagesDone === null) return none;
  const done = `${count(pagesDone)} of ${pageCount === null ? "?" : count(pageCount)}`;
  return firstPage === null ? done : `${done}; this job pages ${firstPage + 1}–${lastPage + 1}`;
}

const task = [
  ["Document", (job) => named(job.documentId)],
  ["Key", (job) => job.key],
  ["Type", sort],
  ["Lane", (job) => job.lane],
];
const attempt = (job) => `${job.attempts} of ${job.maxAttempts}`;

function running({ running: jobs, queue: { lanes }, generatedAt }) {
  const more = sum(lanes, (lane) => lane.running) - jobs.length;
  put("running", table("Running jobs", [
    ...task,
    ["Pages done", progress, "number"],
    ["For", (job) => since(job.startedAt, generatedAt), "number"],
    ["Attempt", attempt, "number"],
    ["Worker", (job) => job.worker?.split("/").at(-1) ?? none],
  ], jobs, "Nothing runs."), ...(more > 0 ? [html("p", { class: "facts" }, `And ${count(more)} more.`)] : []));
}

function retries({ retries: jobs, queue: { lanes }, generatedAt }) {
  const more = sum(lanes, (lane) => lane.retries) - jobs.length;
  put("retries", table("Jobs that wait for a retry", [
    ...task,
    ["Attempts so far", attempt, "number"],
    ["Due in", (job) => since(job.scheduledAt, generatedAt), "number"],
  ], jobs, "Nothing waits for a retry."), ...(more > 0 ? [html("p", { class: "facts" }, `And ${count(more)} more.`)] : []));
}

function failures({ failures: found, generatedAt }) {
  put("failures", table("Last failures", [
    ["Document", (one) => named(one.documentId)],
    ["When", (one) => ago(one.failedAt, generatedAt)],
    ["Reason", (one) => [one.reason, " ", code(one.code)]],
    ["At fault", (one) => (one.engineFault ? "service or provider" : "document or key")],
    ["Key", (one) => one.key],
    ["Type", sort],
    ["Pages", (one) => (one.pageCount === null ? none : count(one.pageCount)), "number"],
  ], found, "Nothing has failed."));
}

function days({ use }) {
  const labels = use.days.map((one) => one.day);
  const cost = (place) => money(use.days[place].costUSD);
  const pages = (place) => plural(use.days[place].pages, "page");
  put("charts",
    dayChart(`Cost: ${money(use.costUSD)} in ${labels.length} days`, labels, use.days.map((one) => one.costMicros), cost),
    dayChart(`Pages: ${count(use.pages)} in ${labels.length} days`, labels, use.days.map((one) => one.pages), pages));
  put("days", table("Cost and pages by day, UTC", [
    ["Day", (one) => one.day],
    ["Pages", (one) => count(one.pages), "number"],
    ["Cost", (one) => money(one.costUSD), "number"],
  ], [...use.days].reverse()));
}

function byDay(key, labels) {
  if (key.costMicros) {
    return spark(`Cost of ${key.name} by day`, labels, key.costMicrosByDay, (place) => moneyOfMicros(key.costMicrosByDay[place]));
  }
  return spark(`Pages of ${key.name} by day`, labels, key.pagesByDay, (place) => plural(key.pagesByDay[place], "page"));
}

function budget({ name, budget: quota }) {
  if (!quota) return "unlimited";
  const gone = quota.limitMicros - quota.leftMicros;
  const meter = html("meter", {
    min: 0, max: Math.max(1, quota.limitMicros), value: gone, high: quota.limitMicros * 0.8, optimum: 0,
    "aria-label": `Budget of ${name} that is spent or reserved`,
  });
  return [`${money(quota.leftUSD)} left of ${money(quota.limitUSD)}`, meter];
}

const dailyPages = ({ dailyPages: quota }) =>
  (quota ? `${count(quota.left)} left of ${count(quota.limit)}` : "unlimited");

function keys({ use }) {
  const labels = use.days.map((one) => one.day);
  const dearest = Math.max(0, ...use.keys.map((key) => key.costMicros));
  const most = Math.max(0, ...use.keys.map((key) => key.pages));
  const more = use.keysTotal - use.keys.length;
  put("keys", table("Cost and pages by key", [
    ["Key", (key) => [key.name, " ", html("small", {}, key.standing)]],
    [`Cost, ${labels.length} days`, (key) => [money(key.costUSD), share(key.costMicros, dearest)], "number"],
    ["Pages", (key) => [count(key.pages), share(key.pages, most)], "number"],
    ["By day", (key) => byDay(key, labels)],
    ["Budget this month", budget],
    ["Pages today", dailyPages],
    ["Stored", (key) => size(key.storedBytes), "number"],
    ["Waiting", (key) => count(key.waitingDocuments), "number"],
  ], use.keys, "No key has used anything."), ...(more > 0 ? [html("p", { class: "facts" }, `And ${count(more)} more.`)] : []));
}

/** Put a whole status on the page. */
export function show(status) {
  for (const part of [headline, tiles, services, governor, queue, workers, running, retries, failures, days, keys]) {
    part(status);
  }
  document.getElementById("shown").hidden = false;
}
