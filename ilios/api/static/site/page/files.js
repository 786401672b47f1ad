// Files that were dropped or chosen, also whole folders, as {file, path}; path has the folders.

const LEFT_OUT = /^(\.|~\$|Thumbs\.db$|desktop\.ini$)/i; // what systems and programs leave beside documents

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
  const documents = found.filter(({ path }) => !path.split("/").some((part) => LEFT_OUT.test(part)));
  documents.sort((one, other) => one.path.localeCompare(other.path, undefined, { numeric: true }));
  return { documents, leftOut: found.length - documents.length };
}
