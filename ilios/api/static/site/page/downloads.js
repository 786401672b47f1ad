// Results in their forms, as files: they need the key, so that a plain link cannot fetch them.
import { html } from "../elements.js";
import { complain } from "./dialogs.js";
import { call } from "./service.js";
import { say } from "./words.js";

const FORMS = [
  ["markdown", "md", "format=markdown"],
  ["html", "html", "format=html&embedImages=true"],
  ["json", "json", "format=json&include=blocks"],
  ["zip", "zip", "format=zip&include=blocks"],
  ["pdf", "pdf", "format=pdf"],
];
const DRAWN = /^(application\/pdf|image\/)/;

/** Whether the original has pages that can be drawn, and can be given as a PDF. */
export const hasPages = ({ mimeType, fileName = "" }) => (mimeType ? DRAWN.test(mimeType) : /\.(pdf|png|jpe?g|webp|gif|tiff?|bmp|avif|jp2)$/i.test(fileName));

const stem = (name) => name.replace(/\.[^./]+$/, "");

/** Save what an address answers under a name. */
export async function save(path, name) {
  const blob = await (await call(path)).blob();
  const url = URL.createObjectURL(blob);
  const link = html("a", { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000); // the browser has begun to read it by then
}

/** A menu of all forms in which a document can be had. */
export function menu(state) {
  const { id, fileName } = state;
  const forms = FORMS.filter(([form]) => form !== "pdf" || hasPages(state));
  return disclosure(say("action.download"), "download", forms.map(([form, suffix, query]) => [
    say(`form.${form}`), () => save(`/api/documents/${id}?${query}`, `${stem(fileName)}.${suffix}`), fileName,
  ]));
}

/** The same for a batch. */
export const batchMenu = (batchId) => disclosure(say("action.download"), "download", [
  [say("form.zip"), () => save(`/v1/batch/download/${batchId}?format=zip`, `${batchId}.zip`), null],
  [say("form.jsonl"), () => save(`/v1/batch/download/${batchId}?format=jsonl`, `${batchId}.jsonl`), null],
]);

function disclosure(label, action, choices) {
  const element = html("details", { class: "menu" },
    html("summary", { class: "quiet", "data-action": action }, label),
    html("ul", {}, ...choices.map(([words, act, about]) => html("li", {}, html("button", {
      type: "button",
      click: async (event) => {
        const { target } = event;
        target.disabled = true;
        target.setAttribute("aria-busy", "true");
        try {
          await act();
          close(element);
        } catch (problem) {
          complain(about, problem);
        } finally {
          target.disabled = false;
          target.removeAttribute("aria-busy");
        }
      },
    }, words)))));
  return element;
}

function close(element) {
  if (!element.open) return;
  const within = element.contains(document.activeElement);
  element.open = false;
  if (within) element.querySelector("summary").focus();
}

document.addEventListener("keydown", (event) => {
  const open = event.key === "Escape" && document.querySelector("details.menu[open]");
  if (open) {
    event.stopPropagation();
    close(open);
  }
}, true);
document.addEventListener("pointerdown", (event) => {
  for (const open of document.querySelectorAll("details.menu[open]")) if (!open.contains(event.target)) open.open = false;
});
