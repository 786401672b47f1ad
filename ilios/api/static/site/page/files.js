// Files that were dropped or chosen, also whole folders, as {file, path}; path has the folders.

const LEFT_OUT = /^(\.|~\$|Thumbs\.db$|desktop\.ini$)/i; // what systems and programs leave beside documents

// What a reader does not see, or is deceived by: the service leaves it out of names too.
const DECEPTIVE = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\p{Cs}]/gu;

/** Return a name as the service shows it: the mark that makes `txt.exe` of `exe.txt` is not in it. */
export const visible = (name) => name.replace(DECEPTIVE, "");

/** Return what was dropped. It has to be called in the event: later the browser has forgotten it. */
export async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile()).filter(Boolean);
  const found = [];
  for (const entry of entries) await collect(entry, "", found);
  return sorted(found);
}

/** Return what was chosen in a file field. */
export const chosen = (list) => sorted([...list].map((file) => ({ file, path: file.webkitRelativePath || file.name })));

async function collect(entry, folder, found) {
  if (entry instanceof File) {
    found.push({ file: entry, path: entry.name });
  } else if (entry.isFile) {
    const file = await new Promise((resolve) => entry.file(resolve, () => resolve(null)));
    found.push({ file, path: folder + entry.name });
  } else if (entry.isDirectory && !LEFT_OUT.test(entry.name)) {
    for (const child of await children(entry)) await collect(child, `${folder}${entry.name}/`, found);
  }
}

async function children(directory) {
  const reader = directory.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (!some.length) return found;
    found.push(...some);
  }
}

/** Split what is a document from what is left out, and put it in the order of its paths. */
function sorted(found) {
  const named = found.map(({ file, path }) => ({ file, path: visible(path) }));
  const documents = named.filter(({ path }) => !path.split("/").some((part) => LEFT_OUT.test(part)));
  documents.sort((one, other) => one.path.localeCompare(other.path, undefined, { numeric: true }));
  return { documents, leftOut: found.length - documents.length };
}
