// `node errand.js URL KEY FILE`: the errand of errand.py, with the types that were generated.
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import createClient from "openapi-fetch";
import type { components, paths } from "./ilios.js";

type Schemas = components["schemas"];

const OPEN: Schemas["DocumentState"][] = ["pending", "processing"];
const [url, key, path] = process.argv.slice(2) as [string, string, string];
const client = createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${key}` } });

function formOf(fields: object): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    form.append(name, value instanceof Blob ? value : String(value));
  }
  return form;
}

function answered<T>(answer: { data?: T; error?: unknown }): T {
  if (answer.data === undefined) {
    throw new Error(JSON.stringify(answer.error));
  }
  return answer.data;
}

async function submit(): Promise<Schemas["Accepted"]> {
  const bytes = new Uint8Array(await readFile(path));
  const file = new File([bytes], basename(path), { type: "application/pdf" });
  const body: Schemas["SubmitForm"] = { file, priority: 10, cache: false };
  const accepted = answered(
    await client.POST("/api/documents/submit", { body, bodySerializer: formOf }),
  );
  if (!("id" in accepted)) {
    throw new Error("a batch");
  }
  return accepted;
}

async function followed(document_id: string): Promise<Schemas["DocumentStatus"]> {
  for (;;) {
    const status = answered(
      await client.GET("/api/documents/status/{document_id}", {
        params: { path: { document_id }, query: { wait: 30 } },
      }),
    );
    if (!OPEN.includes(status.status)) {
      return status;
    }
  }
}

async function markdown(document_id: string): Promise<string> {
  return answered(
    await client.GET("/api/documents/{document_id}", {
      params: { path: { document_id } },
      parseAs: "text",
    }),
  );
}

async function result(document_id: string): Promise<Schemas["Result"]> {
  const found = answered(
    await client.GET("/api/documents/{document_id}", {
      params: { path: { document_id }, query: { format: "json" } },
    }),
  );
  if (typeof found === "string" || !("metadata" in found)) {
    throw new Error("no JSON");
  }
  return found;
}

async function archive(document_id: string): Promise<ArrayBuffer> {
  return answered(
    await client.GET("/api/documents/{document_id}", {
      params: { path: { document_id }, query: { format: "zip" } },
      parseAs: "arrayBuffer",
    }),
  );
}

async function page(document_id: string): Promise<Schemas["PageAnswer"]> {
  return answered(
    await client.GET("/api/documents/{document_id}/pages/{number}", {
      params: { path: { document_id, number: 1 } },
    }),
  );
}

async function listed(): Promise<Schemas["ListedDocument"][]> {
  return answered(
    await client.GET("/api/documents", { params: { query: { status: "completed", limit: 50 } } }),
  ).documents;
}

async function refused(): Promise<{ status: number; problem: Schemas["Problem"] }> {
  const stranger = createClient<paths>({
    baseUrl: url,
    headers: { Authorization: "Bearer wrong" },
  });
  const { error, response } = await stranger.GET("/api/documents");
  if (error === undefined) {
    throw new Error("a wrong key was taken");
  }
  return { status: response.status, problem: error };
}

const accepted = await submit();
const status = await followed(accepted.id);
const { metadata, pages, content } = await result(status.id);
const first = await page(status.id);
const { status: refusal, problem } = await refused();
console.log(
  JSON.stringify({
    id: accepted.id,
    status: status.status,
    pagesTotal: status.pagesTotal,
    markdown: await markdown(status.id),
    content,
    mimeType: metadata.mimeType,
    engines: pages.map((one) => one.engine),
    archive: Buffer.from(await archive(status.id)).toString("base64"),
    page: first.number,
    listed: (await listed()).map(({ id, fileName, fileSize, createdAt }) => ({
      id,
      fileName,
      fileSize,
      createdAt: new Date(createdAt).getTime() / 1000,
    })),
    refused: { status: refusal, code: problem.code, requestId: problem.requestId },
  }),
);
