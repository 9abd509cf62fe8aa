import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { canonicalLines, plainValue } from "../../contracts/json-diff.ts";
import { routingMatrix } from "../../contracts/routing.ts";
import { driftOf, mustRead, readDocument } from "./documents.ts";
import type { Finding, Gate } from "./gate.ts";
import { routingFile } from "./routing-format.ts";

export const backlogFile = "spec/backlog.yaml";
export const backlogExport = "spec/backlog.json";

const id = z.string().regex(/^(LH-\d{3}|[A-E]\d?|[A-E]\d?-[a-z][a-z0-9-]*)$/, "an id such as LH-001, A4 or A4-quality");
const sentence = z.string().trim().min(3).max(600);
const epic = z.strictObject({ id: z.string().regex(/^(phase-\d|[A-E]\d?)$/, "phase-1, or an id such as A4"), title: sentence, outcome: sentence });
const feature = z.strictObject({
  id,
  also: z.array(id).optional().describe("other ids of the owner that it answers"),
  epic: z.string(),
  title: sentence,
  shows: sentence.describe("what can be demonstrated when it is done"),
  area: z.string().describe("an area of config/routing_matrix.yml, whose owners answer for it"),
  state: z.enum(["open", "begun", "done"]).describe("done: everything that `shows` asks for can be demonstrated"),
  left: sentence.optional().describe("what is missing while it is begun"),
  code: z.array(z.string()).optional().describe("files and folders that hold it"),
  proof: z.array(z.string()).optional().describe("tests that show it"),
});
/** The canonical backlog, `spec/backlog.yaml`; its published JSON Schema is `spec/backlog.schema.json`. */
export const backlog = z.strictObject({ version: z.literal(1), epics: z.array(epic).min(1), features: z.array(feature).min(1) });
export type Backlog = z.infer<typeof backlog>;

/** The same bytes for the same content. */
export function exportedBacklog(root: string): string {
  return canonicalLines(plainValue(mustRead(root, backlogFile, backlog)));
}

export function lintBacklog(root: string): Finding[] {
  const { value, findings, line } = readDocument(root, backlogFile, backlog);
  if (value === null) return findings;
  const found: Finding[] = [];
  const report = (rule: string, path: PropertyKey[], message: string) => found.push({ rule, file: backlogFile, line: line(path), message });
  const areas = new Set(Object.keys(readDocument(root, routingFile, routingMatrix).value?.areas ?? {}));
  const epics = new Set(value.epics.map((each) => each.id));
  const seen = new Set<string>();
  for (const [index, each] of [...value.epics, ...value.features].entries()) {
    const path = index < value.epics.length ? ["epics", index, "id"] : ["features", index - value.epics.length, "id"];
    if (seen.has(each.id)) report("duplicate-id", path, `${each.id} is there twice`);
    seen.add(each.id);
  }
  for (const [index, each] of value.epics.entries()) {
    if (!value.features.some((one) => one.epic === each.id)) report("empty-epic", ["epics", index], `${each.id} has no feature`);
  }
  for (const [index, each] of value.features.entries()) {
    if (!epics.has(each.epic)) report("unknown-epic", ["features", index, "epic"], `there is no epic ${each.epic}`);
    if (!areas.has(each.area)) report("unknown-area", ["features", index, "area"], `${routingFile} has no area ${each.area}`);
    if (each.state === "done" && (each.proof ?? []).length === 0) report("done-without-proof", ["features", index, "state"], `${each.id} is done, and no test shows it`);
    if (each.state === "begun" && each.left === undefined) report("nothing-left", ["features", index, "state"], `${each.id} is begun: say in \`left\` what is missing`);
    if (each.state === "done" && each.left !== undefined) report("done-and-left", ["features", index, "left"], `${each.id} is done, and something is left`);
    for (const list of ["code", "proof"] as const) {
      for (const [at, path] of (each[list] ?? []).entries()) {
        if (!existsSync(join(root, path))) report("missing-path", ["features", index, list, at], `there is no ${path}`);
      }
    }
  }
  return found;
}

export const backlogGate: Gate = {
  title: "Backlog",
  help: `backlog [--export]\n\nChecks ${backlogFile} against its schema and rules, and that ${backlogExport} is its export.\n  --export   print the canonical JSON`,
  options: { export: { type: "boolean" } },
  run(root, options) {
    const findings = lintBacklog(root);
    if (findings.length > 0) return { findings, summary: backlogFile };
    const text = exportedBacklog(root);
    if (options["export"] === true) return { findings, summary: backlogFile, output: text };
    const { epics, features } = mustRead(root, backlogFile, backlog);
    const states = ["done", "begun", "open"].map((state) => `${features.filter((each) => each.state === state).length} ${state}`).join(", ");
    return { findings: driftOf(root, backlogExport, text, "run `npm run generate`"), summary: `${epics.length} epics, ${features.length} features: ${states}`, data: { epics: epics.length, features: features.length } };
  },
};
