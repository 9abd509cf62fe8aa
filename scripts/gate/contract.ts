import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { breakingChanges, type BreakingChange } from "./breaking-changes.ts";
import { lintNames, lintServed } from "./contract-rules.ts";
import { readDocument } from "./documents.ts";
import type { Finding, Gate } from "./gate.ts";
import { baseCommit, fileAt } from "./git.ts";
import { readOpenApi, SyntaxProblem, type OpenApi } from "./openapi-document.ts";

export const contractFile = "contracts/openapi.yaml";
export const acceptedFile = "contracts/accepted_breaks.yml";
const repository = fileURLToPath(new URL("../../", import.meta.url));

const acceptedBreaks = z.strictObject({
  version: z.literal(1),
  accepted: z.array(z.strictObject({ rule: z.string(), place: z.union([z.string().min(3), z.array(z.string().min(3)).min(1)]), because: z.string().min(10) })),
});

/** Structure and examples, by redocly with the rules of redocly.yaml. */
async function lintStructure(root: string, file: string): Promise<Finding[]> {
  const { stdout, stderr } = await new Promise<{ stdout: string; stderr: string }>((resolve) => {
    const env = { ...process.env, REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true" };
    // Findings make it end with 1, and stand in its output; an output that is none is thrown below.
    execFile(process.execPath, [join(repository, "node_modules/@redocly/cli/bin/cli.js"), "lint", join(root, file), "--config", join(repository, "redocly.yaml"), "--format", "json", "--max-problems", "1000"], { cwd: root, env, timeout: 60_000, maxBuffer: 64 * 1024 * 1024 }, (_, stdout, stderr) => { resolve({ stdout, stderr }); });
  });
  if (!stdout.trimStart().startsWith("{")) throw new Error(`redocly gave no answer: ${stderr}`);
  const { problems } = JSON.parse(stdout) as { problems: { ruleId: string; message: string; location: { source?: { ref?: string }; pointer?: string; start?: { line: number } }[] }[] };
  const api = readOpenApi(readFileSync(join(root, file), "utf8"));
  return problems.map(({ ruleId, message, location: [place] }) => {
    const path = (place?.pointer ?? "#/").replace(/^#\/?/, "").split("/").filter(Boolean).map((each) => decodeURIComponent(each).replaceAll("~1", "/").replaceAll("~0", "~"));
    const from = place?.source?.ref === undefined ? file : relative(root, place.source.ref);
    return { rule: ruleId, file: from.startsWith("..") ? file : from, line: place?.start?.line ?? api.line(path), message };
  });
}

/** Breaking changes that nobody has accepted. What was accepted stays in the file: a later base has the change, and no longer asks for it. */
export function lintBreaks(root: string, before: OpenApi, after: OpenApi): { findings: Finding[]; changes: BreakingChange[] } {
  const changes = breakingChanges(before, after);
  const read = existsSync(join(root, acceptedFile)) ? readDocument(root, acceptedFile, acceptedBreaks) : null;
  const accepted = read?.value?.accepted ?? [];
  const isAccepted = (change: BreakingChange) => accepted.some(({ rule, place }) => rule === change.rule && [place].flat().includes(change.place));
  return {
    changes,
    findings: [
      ...(read?.findings ?? []),
      ...changes.filter((change) => !isAccepted(change)).map(({ rule, at, message, place }) => ({ rule, file: contractFile, line: after.line(at), message: `${message} (place: ${place})` })),
    ],
  };
}

export interface ContractDifference {
  base: string | null;
  added: string[];
  removed: string[];
  breaking: string[];
}

/** Against the contract at `base`; everything is added where there was none. */
export function contractDifference(root: string, base: string | null): { findings: Finding[]; difference: ContractDifference } {
  const after = readOpenApi(readFileSync(join(root, contractFile), "utf8"));
  const text = base === null ? null : fileAt(root, base, contractFile);
  const names = (api: OpenApi) => api.operations.map(({ method, path }) => `${method} ${path}`);
  if (text === null) return { findings: [], difference: { base: null, added: [], removed: [], breaking: [] } };
  const before = readOpenApi(text);
  const { findings, changes } = lintBreaks(root, before, after);
  const [had, has] = [new Set(names(before)), new Set(names(after))];
  return { findings, difference: { base, added: [...has].filter((each) => !had.has(each)), removed: [...had].filter((each) => !has.has(each)), breaking: changes.map(({ message }) => message) } };
}

export const contractGate: Gate = {
  title: "Contract",
  help: `contract [--base REF]\n\nStructure and examples of ${contractFile} (redocly), names, operations that are served but not written and the reverse, and what would break\nprograms that were right at the base. A break that is meant stands in ${acceptedFile} (version: 1, accepted: [{ rule, place (one or a list), because }]).\n  --base REF   compare with the commit where this branch left REF (main, unless said)`,
  options: { base: { type: "string" } },
  async run(root, options) {
    const base = baseCommit(root, options["base"] as string | undefined);
    let api: OpenApi;
    try {
      api = readOpenApi(readFileSync(join(root, contractFile), "utf8"));
    } catch (error) {
      if (!(error instanceof SyntaxProblem)) throw error;
      return { findings: [{ rule: "syntax", file: contractFile, line: error.line, message: error.message }], summary: contractFile };
    }
    const { findings, difference } = contractDifference(root, base);
    return {
      findings: [...(await lintStructure(root, contractFile)), ...lintNames(api, contractFile), ...lintServed(root, api, contractFile), ...findings],
      notes: difference.base === null ? ["There is no contract of main to compare with: breaking changes were not looked for."] : [],
      summary: `${api.operations.length} operations; against ${difference.base?.slice(0, 9) ?? "nothing"}: ${difference.added.length} added, ${difference.removed.length} removed, ${difference.breaking.length} breaking`,
      data: difference,
    };
  },
};
