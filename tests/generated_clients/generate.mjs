// `node generate.mjs URL FILE`: writes the types of an OpenAPI document as TypeScript.
import { writeFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";
import ts from "typescript";

const BLOB = ts.factory.createTypeReferenceNode("Blob");
const [url, file] = process.argv.slice(2);
const types = await openapiTS(new URL(url), {
  // A field with a default may be left out of a request.
  defaultNonNullable: false,
  transform: (schema) => (schema.format === "binary" ? BLOB : undefined),
});
await writeFile(file, astToString(types));
