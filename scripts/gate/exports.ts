import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { checkControlPlane } from "../../contracts/check-control-plane.ts";
import { canonicalLines } from "../../contracts/json-diff.ts";
import { routingMatrix } from "../../contracts/routing.ts";
import { driftOf, mustRead } from "./documents.ts";
import type { Finding, Gate } from "./gate.ts";
import { routingFile } from "./routing-format.ts";
import { exportsFolder } from "./summary.ts";

/** Committed exports: each a right document in canonical form, so that its diff is the difference of content. */
export function lintExports(root: string): Finding[] {
  const folder = join(root, exportsFolder);
  const files = existsSync(folder) ? readdirSync(folder).toSorted() : [];
  return files.flatMap((name) => {
    const file = `${exportsFolder}/${name}`;
    if (name === "README.md") return [];
    if (!name.endsWith(".json")) return [{ rule: "name", file, line: 1, message: "is no export (NAME.json)" }];
    const text = readFileSync(join(root, file), "utf8");
    const { document, errors } = checkControlPlane(text);
    if (document === null) return errors.map((error) => ({ rule: (error.code ?? "structure").replaceAll("_", "-"), file, line: error.line ?? 1, message: `${error.path} ${error.message}`.trim() }));
    return driftOf(root, file, canonicalLines(JSON.parse(text)), "write it with `control-room config export`");
  });
}

export const referenceFile = `${exportsFolder}/reference.json`;

/** The committed reference with the routing matrix as the repository has it now. */
export function referenceExport(root: string): string {
  const { version, ...routing } = mustRead(root, routingFile, routingMatrix);
  return canonicalLines({ ...(JSON.parse(readFileSync(join(root, referenceFile), "utf8")) as object), version, routing });
}

export const exportsGate: Gate = {
  title: "Exports",
  help: `exports\n\nChecks every ${exportsFolder}/NAME.json: a document of \`control-room config export\`, against its schema (contracts/control-plane.schema.json), the rules of its\ncontent (hashes of specs, cron, names that are there twice, templates that are not there), and its canonical form.`,
  options: {},
  run(root) {
    const count = existsSync(join(root, exportsFolder)) ? readdirSync(join(root, exportsFolder)).filter((name) => name.endsWith(".json")).length : 0;
    return { findings: lintExports(root), summary: `${count} committed exports` };
  },
};
