/** The summary of a pull request as one comment, which is changed the next time. */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { callGitHub, gitHubOf, isRepository, type GitHub } from "./api.ts";

const usage = `node scripts/github/post-comment.ts OWNER/REPOSITORY NUMBER [--json] < summary.md

Writes what comes on standard input as one comment of a pull request, and changes that comment the next time. GITHUB_TOKEN needs the permission
"Pull requests" (write). Exit 0: created, changed, or the same already; 1: GitHub refuses; 2: called wrongly.
`;

/** The first line of the comment, which nobody sees and by which it is found again. */
export const marker = "<!-- control-room-gate -->";
/** GitHub takes 65,536 characters. */
const limit = 60_000;

export function commentBody(text: string): string {
  const cut = text.length > limit ? `${text.slice(0, limit)}\n\n… cut here; the step summary has all of it.` : text;
  return cut.startsWith(marker) ? cut : `${marker}\n${cut}`;
}

/** Answers whether the comment was made, changed, or said the same already. */
export async function postComment(api: GitHub, repository: string, number: number, text: string): Promise<"created" | "changed" | "same"> {
  const body = commentBody(text);
  for (let page = 1; page <= 50; page += 1) {
    const comments = await callGitHub(api, "GET", `/repos/${repository}/issues/${number}/comments?per_page=100&page=${page}`) as { id: number; body?: string; user?: { type?: string } }[];
    // Somebody who quotes the summary does not own it: only a bot's comment is ours.
    const ours = comments.find((comment) => comment.body?.startsWith(marker) === true && comment.user?.type === "Bot");
    if (ours !== undefined) {
      if (ours.body === body) return "same";
      await callGitHub(api, "PATCH", `/repos/${repository}/issues/comments/${ours.id}`, { body });
      return "changed";
    }
    if (comments.length < 100) break;
  }
  await callGitHub(api, "POST", `/repos/${repository}/issues/${number}/comments`, { body });
  return "created";
}

/** Runs the command with the summary on its standard input; answers its exit code. */
export async function postCommentCommand(args: string[], env: Record<string, string | undefined>, read: () => string, print: (text: string) => void, complain: (text: string) => void): Promise<number> {
  const options = optionsOf(args);
  const api = gitHubOf(env);
  const [repository, number, ...more] = options?.positionals ?? [];
  if (options?.values.help === true) {
    print(usage);
    return 0;
  }
  if (options === null || !isRepository(repository) || !/^\d{1,9}$/.test(number ?? "") || more.length > 0 || api === null) {
    complain(api === null && options !== null ? `GITHUB_TOKEN is not set.\n\n${usage}` : usage);
    return 2;
  }
  try {
    const comment = await postComment(api, repository, Number(number), read());
    print(options.values.json === true ? `${JSON.stringify({ repository, number: Number(number), comment })}\n` : `${comment}\n`);
    return 0;
  } catch (error) {
    complain(`${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

function optionsOf(args: string[]) {
  try {
    return parseArgs({ args, allowPositionals: true, strict: true, options: { json: { type: "boolean" }, help: { type: "boolean", short: "h" } } });
  } catch {
    return null; // an option that it does not have: the usage says which it has
  }
}

if (process.argv[1]?.endsWith("post-comment.ts") === true) {
  process.exitCode = await postCommentCommand(process.argv.slice(2), process.env, () => readFileSync(0, "utf8"), (text) => process.stdout.write(text), (text) => process.stderr.write(text));
}
