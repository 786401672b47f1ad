// What the key has used: pages and cost of the last days, and what it holds.
import { dayChart } from "../charts.js";
import { coded, html, pairs } from "../elements.js";
import { json } from "./service.js";
import { day, drawn, money, number, say, size } from "./words.js";

const DAYS = 30;
const DAY_MS = 86_400_000;

const place = document.getElementById("usage");
let found = null;

const dates = () => Array.from({ length: DAYS }, (_, back) =>
  new Date(Date.now() - (DAYS - 1 - back) * DAY_MS).toISOString().slice(0, 10)); // days of the service are UTC

/** Ask for the usage, and show it. */
export async function load() {
  const days = dates();
  const period = new URLSearchParams({ startDate: days[0], endDate: days.at(-1) });
  try {
    const [series, sums] = await Promise.all([
      json(`/api/usage/breakdown?groupBy=day&${period}`),
      json(`/api/usage/summary?${period}`),
    ]);
    found = { days, byDay: new Map(series.breakdown.map((row) => [row.day, row])), ...sums };
    draw();
  } catch (problem) {
    document.getElementById("usage-problem").replaceChildren(...coded(problem.said?.() ?? problem.message));
  }
}

function draw() {
  if (!found) return;
  const { days, byDay, summary, limits } = found;
  const of = (field) => days.map((date) => byDay.get(date)?.[field] ?? 0);
  const [pages, cost] = [of("totalPages"), of("totalCostMicros")];
  const labels = days.map(day);
  const words = {
    peak: (most) => say("usage.peak", { most }),
    nothing: say("usage.nothing"),
    described: (most, date, today) => (most ? say("usage.described", { most, date, today }) : say("usage.nothing")),
  };
  const charts = [dayChart(say("usage.pages", { count: summary.totalPages }), labels, pages, (at) => say("pages", { count: pages[at] }), words)];
  if (summary.totalCostMicros) charts.unshift(dayChart(say("usage.cost", { cost: money(summary.totalCostMicros) }), labels, cost, (at) => money(cost[at]), words));
  place.replaceChildren(...charts, html("dl", { class: "pairs" }, ...pairs(
    [say("usage.documents"), number(summary.totalDocuments)],
    [say("usage.total"), summary.totalCostMicros ? money(summary.totalCostMicros) : say("cost.free")],
    [say("usage.stored"), within(limits.storageUsedBytes, limits.storageLimitBytes, size)],
    [say("usage.waiting"), within(limits.waitingDocuments, limits.waitingLimit, number)],
  )));
}

const within = (held, limit, written) => (limit === null ? written(held) : say("usage.within", { held: written(held), limit: written(limit) }));

drawn(draw);
