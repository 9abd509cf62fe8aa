import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { beforeEach, expect, test } from "vitest";
import { isInstalled } from "./install-packages.mjs";

let root: string;

beforeEach((context) => {
  root = mkdtempSync(path.join(tmpdir(), "install-test-"));
  context.onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(path.join(root, "node_modules"));
});

type Entry = Record<string, unknown>;
function write(name: "package-lock.json" | "node_modules/.package-lock.json", packages: Record<string, Entry>): void {
  writeFileSync(path.join(root, name), JSON.stringify({ lockfileVersion: 3, packages }));
}
const locked: Record<string, Entry> = {
  "": { name: "root" },
  executors: { version: "0.1.0" },
  "node_modules/executors": { link: true },
  "node_modules/a": { version: "1.0.0", integrity: "sha512-a" },
  "node_modules/other-platform": { version: "1.0.0", integrity: "sha512-b", optional: true },
};

test("packages are missing where npm has written no list of them", () => {
  write("package-lock.json", locked);
  expect(isInstalled(root)).toBe(false);
});

test("what the lock file names is installed, optional packages of other platforms aside, whatever the times of the files", () => {
  write("node_modules/.package-lock.json", { "node_modules/a": locked["node_modules/a"] as Entry });
  write("package-lock.json", locked);
  utimesSync(path.join(root, "node_modules/.package-lock.json"), 0, 0);
  expect(isInstalled(root)).toBe(true);
});

test("other bytes than the lock file names are stale; a package that states another version of itself is not", () => {
  write("package-lock.json", locked);
  write("node_modules/.package-lock.json", { "node_modules/a": { version: "1.0.0", integrity: "sha512-x" } });
  expect(isInstalled(root)).toBe(false);
  write("node_modules/.package-lock.json", { "node_modules/a": { version: "1.0.1", integrity: "sha512-a" } });
  expect(isInstalled(root)).toBe(true);
});

test("a package that was added to the lock file is missing", () => {
  write("node_modules/.package-lock.json", { "node_modules/a": locked["node_modules/a"] as Entry });
  write("package-lock.json", { ...locked, "node_modules/new": { version: "1.0.0", integrity: "sha512-n" } });
  expect(isInstalled(root)).toBe(false);
});
