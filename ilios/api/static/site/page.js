"use strict";

const WAIT_SECONDS = 20;
const RETRY_MILLISECONDS = 2000;

const find = (id) => document.getElementById(id);
const ui = Object.fromEntries(
  ["form", "file", "drop", "chosen", "pages", "key", "convert", "progress", "step", "bar", "error",
   "result", "result-title", "copy", "download", "facts", "warnings", "markdown"]
    .map((id) => [id, find(id)]),
);

let file = null;
let downloadUrl = null;

function choose(chosen) {
  file = chosen;
  const name = document.createElement("strong");
  name.textContent = file.name;
  ui.chosen.replaceChildren(name, ` (${size(file.size)})`);
  ui.convert.disabled = false;
  ui.error.hidden = true;
}

function size(bytes) {
  if (bytes < 1024) return `${bytes} bytes`;
  const inKib = bytes < 1024 * 1024;
  return `${(bytes / (inKib ? 1024 : 1024 * 1024)).toFixed(1)} ${inKib ? "KiB" : "MiB"}`;
}

function headers() {
  return ui.key.value ? { Authorization: `Bearer ${ui.key.value}` } : {};
}

function report(step, percent) {
  ui.progress.hidden = false;
  ui.step.textContent = step;
  if (percent === null) ui.bar.removeAttribute("value");
  else ui.bar.value = percent;
}

function reason(status, body) {
  try {
    return JSON.parse(body).detail;
  } catch {
    return `The server answered with ${status || "nothing"}. Is it running?`;
  }
}

function submit() {
  const form = new FormData();
  if (ui.pages.value.trim()) form.append("pages", ui.pages.value.trim());
  form.append("file", file, file.name);
  return new Promise((resolve, reject) => {
    const upload = new XMLHttpRequest(); // fetch does not report how much was sent
    upload.open("POST", "/api/documents/submit");
    for (const [name, value] of Object.entries(headers())) upload.setRequestHeader(name, value);
    upload.upload.onprogress = (sent) => report("Uploading …", (100 * sent.loaded) / sent.total);
    upload.onerror = () => reject(new Error(reason(0, "")));
    upload.onload = () => {
      if (upload.status === 202) resolve(JSON.parse(upload.responseText));
      else reject(new Error(reason(upload.status, upload.responseText)));
    };
    upload.send(form);
  });
}

async function get(path) {
  const answer = await fetch(path, { headers: headers() });
  if (!answer.ok) throw new Error(reason(answer.status, await answer.text()));
  return answer;
}

function describe(status) {
  if (status.status === "pending") {
    const before = status.queuePosition;
    return report(before ? `Waiting: ${before} before this one …` : "Waiting for its turn …", null);
  }
  const pages = status.pagesTotal ? `page ${status.pagesDone} of ${status.pagesTotal}` : "reading";
  return report(`Converting: ${pages} …`, status.pagesTotal ? status.progress : null);
}

async function ended(id) {
  for (let wait = 1; ; wait = WAIT_SECONDS) {
    const begun = performance.now();
    const status = await (await get(`/api/documents/status/${id}?wait=${wait}`)).json();
    if (status.status === "completed") return status;
    if (status.status === "failed") throw new Error(status.error);
    describe(status);
    // Without a place to wait in, the server answers at once.
    const early = wait * 1000 - (performance.now() - begun);
    await new Promise((resume) => setTimeout(resume, Math.max(0, Math.min(early, RETRY_MILLISECONDS))));
  }
}

function show(status, markdown) {
  const pages = status.pagesTotal === 1 ? "1 page" : `${status.pagesTotal} pages`;
  ui.facts.textContent = `${status.fileName} · ${pages} · ${markdown.length.toLocaleString()} characters`;
  ui.warnings.replaceChildren(...status.warnings.map(({ message, page }) => {
    const item = document.createElement("li");
    item.textContent = page ? `Page ${page}: ${message}` : message;
    return item;
  }));
  ui.warnings.hidden = !status.warnings.length;
  ui.markdown.textContent = markdown;
  if (downloadUrl) URL.revokeObjectURL(downloadUrl);
  downloadUrl = URL.createObjectURL(new Blob([markdown], { type: "text/markdown" }));
  ui.download.href = downloadUrl;
  ui.download.download = `${status.fileName.replace(/\.[^.]+$/, "")}.md`;
  ui.result.hidden = false;
  ui["result-title"].focus();
}

async function convert() {
  ui.error.hidden = ui.result.hidden = true;
  ui.convert.disabled = true;
  report("Uploading …", 0);
  try {
    const { id } = await submit();
    const status = await ended(id);
    show(status, await (await get(`/api/documents/${id}`)).text());
  } catch (error) {
    ui.error.textContent = error.message;
    ui.error.hidden = false;
  } finally {
    ui.progress.hidden = true;
    ui.convert.disabled = false;
  }
}

async function copy() {
  const selection = window.getSelection();
  selection.selectAllChildren(ui.markdown);
  try {
    await navigator.clipboard.writeText(ui.markdown.textContent);
  } catch {
    document.execCommand("copy"); // plain http: there is no clipboard API
  }
  selection.removeAllRanges();
  ui.copy.textContent = "Copied";
  setTimeout(() => { ui.copy.textContent = "Copy"; }, RETRY_MILLISECONDS);
}

ui.form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (file) convert();
});
ui.file.addEventListener("change", () => ui.file.files.length && choose(ui.file.files[0]));
ui.copy.addEventListener("click", copy);
for (const kind of ["dragover", "dragleave", "drop"]) {
  ui.drop.addEventListener(kind, (event) => {
    event.preventDefault();
    ui.drop.classList.toggle("over", kind === "dragover");
    if (kind === "drop" && event.dataTransfer.files.length) choose(event.dataTransfer.files[0]);
  });
}
