import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { diffJson, type JsonDifference } from "../../contracts/json-diff.ts";
import { backlogFile } from "./backlog.ts";
import { contractDifference } from "./contract.ts";
import type { Gate } from "./gate.ts";
import { baseCommit, fileAt, filesAt } from "./git.ts";
import { changedMigrations } from "./migrations.ts";
import { ownersFile, routingFile } from "./routing-format.ts";

/** GitHub takes 65,536 characters a comment, Linux 128 KiB an environment variable. */
const limit = 60_000;
const rowsOfSection = 40;

/** Text of a cell: it may be anything that somebody wrote into a file, and must stay one line of text. */
function cell(value: unknown): string {
  const text = value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value);
  const short = text.length > 120 ? `${text.slice(0, 117)}…` : text;
  return short.replaceAll(/[\u0000-\u001F\u007F]+/g, " ").replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(/[\\`*_[\]|~@#]/g, (mark) => `&#${mark.charCodeAt(0)};`);
}

export function differenceTable(differences: readonly JsonDifference[]): string {
  if (differences.length === 0) return "No difference.";
  const shown = differences.slice(0, rowsOfSection).map(({ path, kind, before, after }) => `| ${kind} | ${cell(path)} | ${cell(before)} | ${cell(after)} |`);
  const more = differences.length - shown.length;
  return ["| | where | before | after |", "| --- | --- | --- | --- |", ...shown, ...(more > 0 ? [`\n… and ${more} more.`] : [])].join("\n");
}

function present(root: string, file: string): unknown {
  return existsSync(join(root, file)) ? parse(readFileSync(join(root, file), "utf8")) : undefined;
}
function before(root: string, base: string, file: string): unknown {
  const text = fileAt(root, base, file);
  return text === null ? undefined : parse(text);
}

/** Differences of documents by name; a document that is only on one side is there as a whole. */
function differencesOf(root: string, base: string, files: Record<string, string>): JsonDifference[] {
  const [old, now]: Record<string, unknown>[] = [{}, {}];
  for (const [name, file] of Object.entries(files)) {
    old![name] = before(root, base, file);
    now![name] = present(root, file);
  }
  return diffJson(old, now);
}

/** Files of a folder on either side, by name. */
function filesOf(root: string, base: string, folder: string, ending: RegExp): Record<string, string> {
  const here = existsSync(join(root, folder)) ? readdirSync(join(root, folder)).map((name) => `${folder}/${name}`) : [];
  const names = [...new Set([...here, ...filesAt(root, base, folder)])].filter((file) => ending.test(file) && file.split("/").length === folder.split("/").length + 1).toSorted();
  return Object.fromEntries(names.map((file) => [file.slice(folder.length + 1), file]));
}

/** The folder of committed exports of control planes (docs/gates.md). */
export const exportsFolder = "config/exports";

/** What a branch changes, for reviewers: Markdown of one comment. */
export function summaryOf(root: string, base: string): string {
  const contract = contractDifference(root, base).difference;
  const migrations = changedMigrations(root, base);
  const exported = differencesOf(root, base, filesOf(root, base, exportsFolder, /\.json$/));
  const isCap = ({ path }: JsonDifference) => /^\/[^/]+\/caps(\/|$)/.test(path);
  const sections: [title: string, count: number, text: string][] = [
    ["Contract", contract.added.length + contract.removed.length + contract.breaking.length, [
      ...contract.breaking.map((message) => `- **breaking** ${cell(message)}`), ...contract.removed.map((name) => `- removed ${cell(name)}`), ...contract.added.map((name) => `- added ${cell(name)}`),
    ].slice(0, rowsOfSection).join("\n") || "No difference."],
    ["Migrations", migrations.length, migrations.map((file) => `- ${cell(file)}`).join("\n") || "No difference."],
    ...([
      ["Routing", differencesOf(root, base, { matrix: routingFile, owners: ownersFile })],
      ["Caps", exported.filter(isCap)],
      ["Backlog", differencesOf(root, base, { backlog: backlogFile })],
      ["Pipelines", differencesOf(root, base, filesOf(root, base, "pipelines", /\.ya?ml$/))],
      ["Exports", exported.filter((each) => !isCap(each))],
    ] as [string, JsonDifference[]][]).map(([title, found]): [string, number, string] => [title, found.length, differenceTable(found)]),
  ];
  const head = `## What this changes\n\nAgainst ${base.slice(0, 9)}: ${sections.filter(([, count]) => count > 0).map(([title, count]) => `${title.toLowerCase()} ${count}`).join(", ") || "nothing that the gates look at"}.\n`;
  const text = `${head}${sections.map(([title, count, body]) => `\n<details${count > 0 ? " open" : ""}><summary>${title}: ${count === 0 ? "no difference" : count}</summary>\n\n${body}\n\n</details>\n`).join("")}`;
  return text.length > limit ? `${text.slice(0, limit)}\n\n… cut here.\n` : text;
}

export const summaryGate: Gate = {
  title: "Summary of a branch",
  help: "summary [--base REF]\n\nOne Markdown text for a pull request: differences in contract, migrations, routing, caps, backlog, pipelines and exports. It finds nothing; it tells.\n  --base REF   compare with the commit where this branch left REF (main, unless said)",
  options: { base: { type: "string" } },
  run(root, options) {
    const base = baseCommit(root, options["base"] as string | undefined);
    if (base === null) return { findings: [], notes: ["There is no commit to compare with."], summary: "nothing to compare with", output: "## What this changes\n\nThere is no commit to compare with.\n" };
    const text = summaryOf(root, base);
    return { findings: [], summary: `${text.length} characters of Markdown`, output: text, data: { markdown: text, base } };
  },
};
