/**
 * What main is protected by, set and verified through GitHub's API: the checks `gate` and `test`, a review of the code owners, no force push, no way around
 * for administrators.
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { diffJson, type JsonDifference } from "../contracts/json-diff.ts";
import { callGitHub, GitHubError, gitHubOf, isRepository, type GitHub } from "./github/api.ts";

const usage = `npx tsx scripts/protect-main.ts OWNER/REPOSITORY [--apply] [--branch main] [--json]

Compares the protection of the branch with what it should be, and changes nothing unless --apply is given; then it sets it and reads it again.
GITHUB_TOKEN needs the permission "Administration" of the repository (read; write for --apply). Without a token it prints what it would set.
Exit 0: as it should be; 1: it differs, or GitHub refuses; 2: called wrongly.
`;

/** GitHub Actions: no other app may report these checks. */
const actions = 15_368;
/** Jobs of .github/workflows that must pass; a test holds the names against the files. */
export const requiredChecks = ["gate", "test"] as const;

/** The body of PUT …/branches/{branch}/protection. */
export const wanted = {
  required_status_checks: { strict: true, contexts: [], checks: requiredChecks.map((context) => ({ context, app_id: actions })) },
  enforce_admins: true,
  required_pull_request_reviews: { dismiss_stale_reviews: true, require_code_owner_reviews: true, required_approving_review_count: 1, require_last_push_approval: true },
  restrictions: null,
  required_linear_history: true,
  allow_force_pushes: false,
  allow_deletions: false,
  block_creations: false,
  required_conversation_resolution: true,
  lock_branch: false,
  allow_fork_syncing: false,
};

type Answer = Record<string, unknown> & { required_status_checks?: { strict?: boolean; checks?: { context: string; app_id: number | null }[] }; required_pull_request_reviews?: Record<string, unknown>; restrictions?: unknown };

/** GitHub answers in another form than it is asked in: this is the answer in the form of the question. Who may go around a review counts as a difference. */
export function asAsked(answer: Answer): unknown {
  const enabled = (key: string): boolean => (answer[key] as { enabled?: boolean } | undefined)?.enabled ?? false;
  const reviews = answer.required_pull_request_reviews;
  const checks = answer.required_status_checks;
  return {
    required_status_checks: checks === undefined ? null : { strict: checks.strict ?? false, contexts: [], checks: (checks.checks ?? []).map(({ context, app_id }) => ({ context, app_id })).toSorted((a, b) => (a.context < b.context ? -1 : 1)) },
    enforce_admins: enabled("enforce_admins"),
    required_pull_request_reviews: reviews === undefined ? null : {
      ...Object.fromEntries(Object.keys(wanted.required_pull_request_reviews).map((key) => [key, reviews[key] ?? false])),
      ...Object.fromEntries(["dismissal_restrictions", "bypass_pull_request_allowances"].filter((key) => reviews[key] !== undefined).map((key) => [key, reviews[key]])),
    },
    restrictions: answer.restrictions ?? null,
    ...Object.fromEntries(["required_linear_history", "allow_force_pushes", "allow_deletions", "block_creations", "required_conversation_resolution", "lock_branch", "allow_fork_syncing"].map((key) => [key, enabled(key)])),
  };
}

/** What is different from what is wanted; everything where the branch is not protected. Throws GitHubError. */
export async function differences(api: GitHub, repository: string, branch: string): Promise<JsonDifference[]> {
  try {
    return diffJson(asAsked(await callGitHub(api, "GET", `/repos/${repository}/branches/${encodeURIComponent(branch)}/protection`) as Answer), wanted);
  } catch (error) {
    // GitHub says 404 both for a branch without protection and for one that the token may not see; only the message tells them apart.
    if (error instanceof GitHubError && error.status === 404 && error.message.includes("Branch not protected")) return diffJson({}, wanted);
    throw error;
  }
}

/** Runs the command; answers its exit code. */
export async function protectMain(args: string[], env: Record<string, string | undefined>, print: (text: string) => void, complain: (text: string) => void): Promise<number> {
  let parsed;
  try {
    parsed = parseArgs({ args, allowPositionals: true, strict: true, options: { apply: { type: "boolean" }, branch: { type: "string", default: "main" }, json: { type: "boolean" }, help: { type: "boolean", short: "h" } } });
  } catch (error) {
    complain(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    return 2;
  }
  const { values: { apply = false, branch, json = false, help = false }, positionals: [repository, ...more] } = parsed;
  if (help) {
    print(usage);
    return 0;
  }
  const api = gitHubOf(env);
  if (!isRepository(repository) || more.length > 0 || (apply && api === null)) {
    complain(`${apply && api === null ? "--apply needs GITHUB_TOKEN.\n\n" : ""}${usage}`);
    return 2;
  }
  if (api === null) {
    print(json ? `${JSON.stringify({ repository, branch, wanted, differences: null })}\n` : `GITHUB_TOKEN is not set, so nothing was compared. ${branch} of ${repository} should be:\n${JSON.stringify(wanted, null, 2)}\n`);
    return 0;
  }
  try {
    let found = await differences(api, repository, branch);
    const applied = apply && found.length > 0;
    if (applied) {
      await callGitHub(api, "PUT", `/repos/${repository}/branches/${encodeURIComponent(branch)}/protection`, wanted);
      found = await differences(api, repository, branch);
    }
    if (json) print(`${JSON.stringify({ repository, branch, applied, differences: found })}\n`);
    else {
      for (const { path, kind, before, after } of found) print(`${path}: ${kind === "added" ? "not set" : JSON.stringify(before)}, should be ${kind === "removed" ? "left out" : JSON.stringify(after)}\n`);
      print(found.length === 0 ? `${branch} of ${repository} is protected as it should be${applied ? ", from now on" : ""}.\n` : `${found.length} differences${apply ? " after setting it" : "; --apply sets them"}.\n`);
    }
    return found.length === 0 ? 0 : 1;
  } catch (error) {
    if (!(error instanceof GitHubError) && !(error instanceof TypeError)) throw error;
    complain(`${error.message}\n`);
    return 1;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.exitCode = await protectMain(process.argv.slice(2), process.env, (text) => process.stdout.write(text), (text) => process.stderr.write(text));
}
