import { readdirSync, readFileSync, existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const pages = ["README.md", "CONTRIBUTING.md", "SECURITY.md", ...["docs", "docs/decisions", "spec"].flatMap((folder) => readdirSync(join(root, folder)).filter((name) => name.endsWith(".md")).map((name) => `${folder}/${name}`))];

/** Paths of the repository that a page names: targets of links, and code that begins with one of our folders. */
function namedPaths(page: string): string[] {
  const text = readFileSync(join(root, page), "utf8").replaceAll(/```[\s\S]*?```/g, "");
  const links = [...text.matchAll(/\]\(([^)#]+)[^)]*\)/g)].map((match) => match[1]!).filter((target) => !/^[a-z]+:/.test(target)).map((target) => join(dirname(page), target));
  const code = [...text.matchAll(/`((?:app|components|lib|contracts|executors|pipelines|supabase|scripts|e2e|bench|docs|spec|public|config|\.github)\/[^`\s]*)`/g)].map((match) => match[1]!);
  return [...links, ...code].filter((path) => !/[<>*…]|NN_|^config\/exports\//.test(path));
}

describe("documentation", () => {
  test.each(pages)("%s names only paths that exist", (page) => {
    expect(namedPaths(page).filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });
});

describe("the lock file", () => {
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
    packages: Record<string, { integrity?: string; resolved?: string; link?: boolean; optional?: boolean; os?: string[]; optionalDependencies?: Record<string, string> }>;
  };
  const names = new Set(Object.keys(packages).map((path) => path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length)));

  test("holds the packages of every platform, so that `npm ci` works on all of them", () => {
    const missing = Object.values(packages).flatMap((entry) => Object.keys(entry.optionalDependencies ?? {})).filter((name) => !names.has(name));
    expect(missing).toEqual([]);
  });

  test("has an integrity for whatever it installs on Linux x64", () => {
    const unsealed = Object.entries(packages).filter(([path, entry]) => path.includes("node_modules/") && entry.link !== true && entry.integrity === undefined && entry.optional !== true);
    expect(unsealed.map(([path]) => path)).toEqual([]);
  });

  test("takes each package from the public registry, by a strong hash", () => {
    const elsewhere = Object.entries(packages).filter(([path, entry]) => path.includes("node_modules/") && entry.link !== true && (!(entry.resolved ?? "https://registry.npmjs.org/").startsWith("https://registry.npmjs.org/") || !(entry.integrity ?? "sha512-").startsWith("sha512-")));
    expect(elsewhere.map(([path]) => path)).toEqual([]);
  });
});

test("every Action of a workflow is one commit, and no workflow may write", () => {
  const folder = join(root, ".github/workflows");
  for (const name of readdirSync(folder)) {
    const text = readFileSync(join(folder, name), "utf8");
    expect([...text.matchAll(/uses: *(\S+)/g)].map((match) => match[1]!).filter((used) => !/@[0-9a-f]{40}$/.test(used)), name).toEqual([]);
    expect(text, name).toMatch(/^permissions:\n {2}contents: read\n/m);
  }
});
