/**
 * The RLS and performance advisors of Supabase, down to what is only information, on a database made by our migrations. Run: `npx tsx
 * supabase/tests/advisors.outside.ts`. Exits 1 where they find an error, a warning, or an information that was not looked at.
 */
import { spawnSync } from "node:child_process";
import path from "node:path";
import { databaseUrl } from "../../scripts/stack/postgres-server.ts";
import { PASSWORD, ROOT, startTestServer, TEMPLATE } from "./support/test-server.ts";

interface Finding { name: string; level: string; detail: string; metadata: { schema?: string; name?: string; fkey_name?: string } }

/** Foreign keys that need no index of their own, and why. */
const coveredKeys: Record<string, string> = {
  api_tokens_environment_id_project_id_fkey: "api_tokens_by_project narrows it to one project's tokens",
  backfills_template_id_template_version_fkey: "backfills_by_template begins with template_id",
  schedules_template_id_template_version_fkey: "schedules_by_template begins with template_id",
  runs_environment_id_project_id_fkey: "runs_newest begins with environment_id",
  invitations_environment_id_project_id_fkey: "few rows; asked when an environment is removed",
  invitations_project_id_fkey: "few rows; asked when a project is removed",
  memberships_environment_id_project_id_fkey: "few rows; asked when an environment is removed",
  memberships_project_id_organization_id_fkey: "few rows; asked when a project is removed",
};

/** Why an information is none to act on; null: it is one. */
function accepted({ name, metadata }: Finding): string | null {
  switch (name) {
    case "unused_index": return "the database was made a moment ago";
    // Nobody but definer functions reads them: no policy is the strictest one.
    case "rls_enabled_no_policy": return metadata.schema === "ops_private" ? "private tables" : null;
    case "no_primary_key": return ["call_samples", "log_files"].includes(metadata.name ?? "") ? "samples; rows unique by (run_id, phase), which may be null" : null;
    case "unindexed_foreign_keys": return coveredKeys[metadata.fkey_name ?? ""] ?? null;
    default: return null;
  }
}

const server = await startTestServer();
try {
  const url = databaseUrl(server.port, "postgres", PASSWORD, TEMPLATE);
  const cli = path.join(ROOT, "node_modules/.bin/supabase");
  const { status, stdout, stderr } = spawnSync(cli, ["db", "advisors", `--remote=${url}`, "--level", "info", "--fail-on", "warn"], { cwd: ROOT, encoding: "utf8", timeout: 120_000, maxBuffer: 64 << 20 });
  const findings = JSON.parse(stdout.slice(stdout.indexOf("["), stdout.lastIndexOf("]") + 1)) as Finding[];
  // A database without any unused index would be another one than ours.
  if (status === null || findings.length === 0) throw new Error(`the advisors said nothing: ${stderr}`);
  const open = findings.filter((finding) => finding.level !== "INFO" || accepted(finding) === null);
  for (const name of new Set(findings.map((finding) => finding.name))) {
    const found = findings.filter((finding) => finding.name === name);
    console.log(`  ${name}: ${found.length} (${[...new Set(found.map((each) => accepted(each) ?? "open"))].join("; ")})`);
  }
  if (status !== 0 || open.length > 0) throw new Error(`the advisors found something:\n${open.map(({ level, detail }) => `${level} ${detail}`).join("\n")}\n${stderr}`);
} finally {
  await server.stop();
}
