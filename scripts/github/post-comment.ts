/**
 * node scripts/github/post-comment.ts OWNER/REPOSITORY NUMBER < summary.md
 *
 * Writes the summary of a pull request as one comment, and changes that comment the next time. Reads GITHUB_TOKEN. Exit 0, or 1 where GitHub refuses,
 * or 2 where it was called wrongly.
 */
import { readFileSync } from "node:fs";
import { callGitHub, gitHubOf, isRepository, type GitHub } from "./api.ts";

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

if (process.argv[1]?.endsWith("post-comment.ts") === true) {
  const [repository, number] = process.argv.slice(2);
  const api = gitHubOf(process.env);
  if (!isRepository(repository) || !/^\d{1,9}$/.test(number ?? "") || api === null) {
    process.stderr.write("node scripts/github/post-comment.ts OWNER/REPOSITORY NUMBER < summary.md, with GITHUB_TOKEN set\n");
    process.exitCode = 2;
  } else {
    try {
      process.stdout.write(`${await postComment(api, repository, Number(number), readFileSync(0, "utf8"))}\n`);
    } catch (error) {
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
      process.exitCode = 1;
    }
  }
}
