// Reads objects of KEDA and of the Prometheus operator from standard input, a JSON array; prints a
// JSON array of what is wrong with them: values by the schemas, fields that they do not have by the
// types, for what a schema does not know Kubernetes would drop in silence.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const MODULES = {
  "keda.sh/v1alpha1": "@kubernetes-models/keda/keda.sh/v1alpha1",
  "monitoring.coreos.com/v1": "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1",
};
const OPTIONS = {
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  noEmit: true,
  skipLibCheck: true,
  strict: true,
  target: ts.ScriptTarget.ES2022,
  types: [],
};

const objects = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify([...(await wrongValues()), ...unknownFields()]));

async function wrongValues() {
  const faults = [];
  for (const one of objects) {
    const models = await import(`${MODULES[one.apiVersion]}/${one.kind}`);
    try {
      new models[one.kind](one).validate();
    } catch (error) {
      faults.push(`${one.kind}: ${error.message}`);
    }
  }
  return faults;
}

function unknownFields() {
  const lines = objects.map((one, at) => {
    const type = `import("${MODULES[one.apiVersion]}/${one.kind}").I${one.kind}`;
    return `export const object${at}: ${type} = ${JSON.stringify(one)};`;
  });
  const path = fileURLToPath(new URL("objects.mts", import.meta.url));
  const host = ts.createCompilerHost(OPTIONS);
  const onDisk = host.getSourceFile.bind(host);
  host.getSourceFile = (name, ...rest) =>
    name === path ? ts.createSourceFile(name, lines.join("\n"), ...rest) : onDisk(name, ...rest);
  return ts
    .getPreEmitDiagnostics(ts.createProgram([path], OPTIONS, host))
    .map((found) => ts.flattenDiagnosticMessageText(found.messageText, "\n"));
}
