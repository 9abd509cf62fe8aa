import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

/** The repository under test. */
export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** A folder with these files, and copies of `copied` paths of the repository; removed after the test. */
export function aTree(files: Record<string, string>, copied: string[] = []): string {
  const root = mkdtempSync(join(tmpdir(), "gate tree-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  for (const path of copied) cpSync(join(ROOT, path), join(root, path), { recursive: true });
  write(root, files);
  return root;
}

export function write(root: string, files: Record<string, string>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

/** Git in a tree, without any settings of this machine. */
export function gitIn(root: string, ...args: string[]): string {
  const env = { PATH: process.env["PATH"] ?? "", HOME: root, GIT_CONFIG_NOSYSTEM: "1", GIT_AUTHOR_NAME: "a", GIT_AUTHOR_EMAIL: "a@example.test", GIT_COMMITTER_NAME: "a", GIT_COMMITTER_EMAIL: "a@example.test" };
  return execFileSync("git", ["-C", root, ...args], { encoding: "utf8", env, stdio: ["ignore", "pipe", "pipe"] });
}

/** Commits the whole tree, making the repository (branch `main`) where there is none. */
export function commit(root: string, tag?: string): void {
  gitIn(root, "init", "--quiet", "--initial-branch=main");
  gitIn(root, "add", "--all");
  gitIn(root, "commit", "--quiet", "--allow-empty", "--message=a state");
  if (tag !== undefined) gitIn(root, "tag", tag);
}

/** `rule@line` of each finding in one file. */
export const placed = (findings: { rule: string; line: number }[]): string[] => findings.map(({ rule, line }) => `${rule}@${line}`);
