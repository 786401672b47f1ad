// Small charts of bars, as SVG that stretches to the place it gets. Words stay outside, in HTML.
import { html, svg } from "./elements.js";

const HEIGHT = 100;
const STEP = 10;
let numbered = 0; // ids of what describes a chart

function bars(values, most, told) {
  return values.map((value, place) => {
    const height = value ? Math.max(2, (HEIGHT * value) / most) : 0;
    const x = place * STEP;
    return svg("g", {},
      svg("title", {}, told(place)),
      svg("rect", { class: "touch", x, y: 0, width: STEP, height: HEIGHT }),
      svg("rect", { class: "column", x: x + 1, y: HEIGHT - height, width: STEP - 2, height }));
  });
}

function picture(kind, values, title, described, told) {
  numbered += 1;
  const [titleId, descriptionId] = [`chart-${numbered}`, `chart-${numbered}-described`];
  const most = Math.max(1, ...values);
  return svg("svg", {
    class: kind,
    viewBox: `0 0 ${values.length * STEP} ${HEIGHT}`,
    preserveAspectRatio: "none",
    role: "img",
    "aria-labelledby": `${titleId} ${descriptionId}`,
  },
  svg("title", { id: titleId }, title),
  svg("desc", { id: descriptionId }, described),
  svg("line", { class: "ground", x1: 0, x2: values.length * STEP, y1: HEIGHT, y2: HEIGHT }),
  ...bars(values, most, told));
}

const ENGLISH = {
  peak: (most) => `peak ${most}`,
  nothing: "nothing",
  described: (most, day, last) => (most ? `The most was ${most} on ${day}; today ${last}.` : "Nothing in these days."),
};

/** Bars for days, the oldest first; `written` gives the value at a place as people write it. */
export function dayChart(title, days, values, written, words = ENGLISH) {
  const most = Math.max(0, ...values);
  const at = values.indexOf(most);
  const described = words.described(most ? written(at) : "", days[at], written(values.length - 1));
  return html("figure", {},
    html("figcaption", {}, html("strong", {}, title), html("span", {}, most ? words.peak(written(at)) : words.nothing)),
    picture("chart", values, title, described, (place) => `${days[place]}: ${written(place)}`),
    html("p", { class: "axis" }, html("span", {}, days[0]), html("span", {}, days.at(-1))));
}

/** The same, as small as a word. */
export const spark = (title, days, values, written) =>
  picture("spark", values, title, `${days[0]} to ${days.at(-1)}.`, (place) => `${days[place]}: ${written(place)}`);

/** One bar: a part of the most that there is. */
export const share = (value, most) => svg("svg", {
  class: "share", viewBox: "0 0 100 4", preserveAspectRatio: "none", "aria-hidden": "true",
},
svg("rect", { class: "rest", width: 100, height: 4 }),
svg("rect", { class: "column", width: most ? Math.max(value ? 1 : 0, (100 * value) / most) : 0, height: 4 }));
