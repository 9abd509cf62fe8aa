import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { UsageError } from "./gate.ts";

export function git(root: string, ...args: string[]): string {
  return execFileSync("git", ["-C", root, ...args], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"], maxBuffer: 64 * 1024 * 1024 });
}

function tryGit(root: string, ...args: string[]): string | null {
  try {
    return git(root, ...args);
  } catch {
    return null; // no repository, or nothing of that name: the caller says what that means
  }
}

/**
 * The commit to compare with: where this branch left `wanted` (a ref), or `origin/main`, or `main`. On `main` itself, the commit before. Null where
 * there is none of them; a ref that was asked for and is not there is a UsageError.
 */
export function baseCommit(root: string, wanted: string | undefined): string | null {
  if (wanted !== undefined && tryGit(root, "rev-parse", "--verify", "--quiet", `${wanted}^{commit}`) === null) {
    throw new UsageError(`There is no commit ${wanted} here: fetch it, or name another with --base.`);
  }
  const head = tryGit(root, "rev-parse", "HEAD")?.trim();
  for (const ref of wanted === undefined ? ["origin/main", "main"] : [wanted]) {
    const base = tryGit(root, "merge-base", ref, "HEAD")?.trim();
    if (base === undefined) continue;
    return base === head ? (tryGit(root, "rev-parse", "--verify", "--quiet", "HEAD^")?.trim() ?? null) : base;
  }
  return null;
}

/** The text of a file at a commit, or null. */
export function fileAt(root: string, commit: string, file: string): string | null {
  return tryGit(root, "show", `${commit}:${file}`);
}

/** Files below a folder at a commit, relative to the repository. */
export function filesAt(root: string, commit: string, folder: string): string[] {
  return (tryGit(root, "ls-tree", "-r", "--name-only", "-z", commit, "--", folder) ?? "").split("\0").filter(Boolean);
}

/** Tags of releases (`v1.2.3`), oldest first. */
export function releases(root: string): string[] {
  return (tryGit(root, "tag", "--list", "v*", "--sort=version:refname") ?? "").split("\n").filter((tag) => /^v\d+\.\d+\.\d+$/.test(tag));
}

/** Files of the repository that are or would be committed; outside of git, all that are there. */
export function sourceFiles(root: string): string[] {
  const listed = existsSync(join(root, ".git")) ? tryGit(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard") : null;
  if (listed !== null) return [...new Set(listed.split("\0").filter(Boolean))].filter((file) => existsSync(join(root, file)));
  return readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join("/")).filter((file) => !file.includes("node_modules/"));
}
