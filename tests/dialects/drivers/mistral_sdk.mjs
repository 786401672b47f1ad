// @mistralai/mistralai: upload, signed link, OCR, delete. Errands and outcomes as in __main__.py.
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { createInterface } from "node:readline";
import { Mistral } from "@mistralai/mistralai";

const TIMEOUT_MS = 90_000;

async function read({ url, key, path, mime_type }) {
  const client = new Mistral({
    apiKey: key || "none",
    serverURL: url,
    timeoutMs: TIMEOUT_MS,
    retryConfig: { strategy: "none" },
  });
  const content = new Blob([await readFile(path)], { type: mime_type });
  const uploaded = await client.files.upload({
    file: new File([content], basename(path)),
    purpose: "ocr",
  });
  try {
    const link = (await client.files.getSignedUrl({ fileId: uploaded.id })).url;
    const document = mime_type.startsWith("image/")
      ? { type: "image_url", imageUrl: link }
      : { type: "document_url", documentUrl: link };
    const found = await client.ocr.process({ model: "mistral-ocr-latest", document });
    return found.pages.map((page) => page.markdown).join("\n\n");
  } finally {
    await client.files.delete({ fileId: uploaded.id });
  }
}

console.log(JSON.stringify({ ready: "mistralai-js" }));
for await (const line of createInterface({ input: process.stdin })) {
  let outcome;
  try {
    outcome = { text: await read(JSON.parse(line)) };
  } catch (error) {
    outcome = { error: `${error.name}: ${error.message} ${error.body ?? ""}` };
  }
  console.log(JSON.stringify(outcome));
}
