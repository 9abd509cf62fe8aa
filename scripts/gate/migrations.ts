import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Finding, Gate } from "./gate.ts";
import { baseCommit, fileAt, filesAt, releases } from "./git.ts";
import { migrationRules, tablesMade } from "./migration-rules.ts";
import { sqlStatements } from "./sql-statements.ts";

export const migrationsFolder = "supabase/migrations";
const schemasFolder = "supabase/schemas";
const fileName = /^(\d{14})_[a-z][a-z0-9]*(_[a-z0-9]+)*\.sql$/;

export interface ReleasedMigrations {
  tag: string;
  /** File → its text at the tag. */
  files: Map<string, string>;
}

/** Migrations as each release shipped them, oldest release first. */
export function releasedMigrations(root: string): ReleasedMigrations[] {
  return releases(root).map((tag) => ({ tag, files: new Map(filesAt(root, tag, migrationsFolder).filter((file) => file.endsWith(".sql")).map((file) => [file, fileAt(root, tag, file) ?? ""])) }));
}

export function migrationFiles(root: string): string[] {
  return existsSync(join(root, migrationsFolder)) ? readdirSync(join(root, migrationsFolder)).toSorted().map((file) => `${migrationsFolder}/${file}`) : [];
}

const read = (root: string, file: string): string => readFileSync(join(root, file), "utf8").replaceAll("\r\n", "\n");
const versionOf = (file: string): string => /\/(\d+)_/.exec(file)?.[1] ?? "";

function isMoment(version: string): boolean {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(version) ?? [];
  const moment = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return !Number.isNaN(moment.getTime()) && moment.toISOString().startsWith(`${year}-${month}-${day}T${hour}:${minute}`);
}

/** Names and order: `YYYYMMDDHHMMSS_lower_case_words.sql`, each moment once, nothing dated before what a release has applied. */
function lintNames(files: string[], released: ReleasedMigrations[]): Finding[] {
  const found: Finding[] = [];
  const last = released.at(-1);
  const newest = [...(last?.files.keys() ?? [])].map(versionOf).toSorted().at(-1) ?? "";
  for (const [index, file] of files.entries()) {
    const name = file.slice(migrationsFolder.length + 1);
    const report = (rule: string, message: string) => found.push({ rule, file, line: 1, message });
    if (!fileName.test(name)) report("name", "is not named YYYYMMDDHHMMSS_what_it_does.sql");
    else if (!isMoment(versionOf(file))) report("name", "does not begin with a moment that exists");
    if (files.findIndex((each) => versionOf(each) === versionOf(file)) < index) report("order", "has the version of another file");
    if (last !== undefined && !last.files.has(file) && versionOf(file) <= newest) report("order", `is dated before ${newest}, which ${last.tag} has applied: databases of that release would never apply it in this order`);
  }
  return found;
}

/** What a release shipped is history: it is neither changed nor taken away. */
function lintHistory(root: string, files: string[], released: ReleasedMigrations[]): Finding[] {
  const found = new Map<string, Finding>();
  for (const { tag, files: shipped } of released) {
    for (const [file, text] of shipped) {
      if (!files.includes(file)) found.set(file, { rule: "forward-only", file, line: 1, message: `was shipped with ${tag} and is gone` });
      else if (read(root, file) !== text) {
        const [old, present] = [text.split("\n"), read(root, file).split("\n")];
        found.set(file, { rule: "forward-only", file, line: Math.max(1, present.findIndex((line, index) => line !== old[index]) + 1), message: `was shipped with ${tag} and has changed: write a new migration` });
      }
    }
  }
  return [...found.values()];
}

/** Before the first release the one migration is the schemas, joined in the order of their names. */
function lintJoined(root: string, files: string[]): Finding[] {
  if (files.length !== 1) return [{ rule: "history", file: files[0] ?? migrationsFolder, line: 1, message: `there is no release yet: let there be one migration, which is ${schemasFolder} joined` }];
  const joined = (existsSync(join(root, schemasFolder)) ? readdirSync(join(root, schemasFolder)) : []).filter((name) => name.endsWith(".sql")).toSorted().map((name) => read(root, `${schemasFolder}/${name}`));
  const [wanted, present] = [joined.join("\n").split("\n").filter((line) => line.trim() !== ""), read(root, files[0]!).split("\n")];
  let at = 0;
  for (const [index, line] of present.entries()) {
    if (line.trim() === "") continue;
    if (line !== wanted[at]) return [{ rule: "history", file: files[0]!, line: index + 1, message: `is not ${schemasFolder} joined; here they say: ${(wanted[at] ?? "nothing more").slice(0, 120)}` }];
    at += 1;
  }
  return at === wanted.length ? [] : [{ rule: "history", file: files[0]!, line: present.length, message: `ends before ${schemasFolder} do` }];
}

/** Unsafe statements of files that no release has shipped; a comment may allow one, and says why. */
export function lintStatements(file: string, text: string): Finding[] {
  const statements = sqlStatements(text);
  const made = tablesMade(statements);
  return statements.flatMap(({ sql, line, allowed }) => Object.entries(migrationRules).flatMap(([rule, check]) => {
    const message = allowed.has(rule) ? null : check(sql, made);
    return message === null ? [] : [{ rule, file, line, message }];
  }));
}

export function lintMigrations(root: string, released: ReleasedMigrations[] = releasedMigrations(root)): Finding[] {
  const files = migrationFiles(root);
  const shipped = new Set(released.flatMap((release) => [...release.files.keys()]));
  return [
    ...lintNames(files, released), ...lintHistory(root, files, released), ...(released.length === 0 ? lintJoined(root, files) : []),
    ...files.filter((file) => !shipped.has(file)).flatMap((file) => lintStatements(file, read(root, file))),
  ];
}

/** Migrations that a branch adds or changes, for reviewers. */
export function changedMigrations(root: string, base: string): string[] {
  const digest = (text: string) => createHash("sha256").update(text).digest("hex");
  return migrationFiles(root).filter((file) => digest(fileAt(root, base, file)?.replaceAll("\r\n", "\n") ?? "") !== digest(read(root, file)));
}

export const migrationsGate: Gate = {
  title: "Migrations",
  help: `migrations [--base REF] [--no-apply]\n\nNames, order, forward-only against every release (tags v1.2.3), unsafe DDL, and on a PostgreSQL of its own: that they apply from empty and from every\nrelease, and make what ${schemasFolder} says. A statement that is safe nevertheless has a comment above it:\n  -- gate: allow RULE, because …\nRules: ${Object.keys(migrationRules).join(", ")}.\n  --base REF   tell which migrations differ from there (main, unless said)\n  --no-apply   look at the files alone`,
  options: { base: { type: "string" }, "no-apply": { type: "boolean" } },
  async run(root, options) {
    const findings = lintMigrations(root);
    const released = releasedMigrations(root);
    const base = baseCommit(root, options["base"] as string | undefined);
    const changed = base === null ? [] : changedMigrations(root, base);
    const summary = `${migrationFiles(root).length} migrations, ${released.length} releases`;
    const data = { changed };
    const notes = changed.length === 0 ? [] : [`Differ from ${base?.slice(0, 9)}: ${changed.join(", ")}`];
    if (findings.length > 0 || options["no-apply"] === true) return { findings, summary, notes, data };
    const { appliedFindings } = await import("./apply-migrations.ts");
    return { findings: await appliedFindings(root, released), summary: `${summary}, applied from empty${released.length > 0 ? " and from each" : ""}`, notes, data };
  },
};
