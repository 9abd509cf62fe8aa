import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { expect, test } from "vitest";
import { libraryStyles, pagePolicy } from "./page-policy.ts";

const installed = (file: string): string => readFileSync(createRequire(import.meta.url).resolve(file), "utf8");
const hashOf = (text: string): string => `sha256-${createHash("sha256").update(text).digest("base64")}`;

test("the styles that need no nonce are those of the installed packages, and nothing else", () => {
  const sonner = /__insertCSS\(("(?:[^"\\]|\\.)*")\)/.exec(installed("sonner").replaceAll("\\'", "'"))?.[1] ?? '""';
  const radix = ["scroll-area", "select"].map((name) => /__html: `([^`]*)`/.exec(installed(`@radix-ui/react-${name}`))?.[1] ?? "");
  expect(libraryStyles).toEqual([JSON.parse(sonner) as string, "", ...radix].map(hashOf));
});

test("a page's policy lets no inline script run, and no script for its origin alone", () => {
  const directives = new Map(pagePolicy("n0", false).split("; ").map((each) => [each.split(" ")[0], each.split(" ").slice(1)]));
  expect(directives.get("script-src")).toEqual(["'nonce-n0'", "'strict-dynamic'"]);
  expect(directives.get("script-src-attr")).toEqual(["'none'"]);
  expect(directives.get("style-src-elem")).not.toContain("'unsafe-inline'");
  for (const name of ["object-src", "base-uri", "frame-ancestors", "frame-src"]) expect(directives.get(name)).toEqual(["'none'"]);
});
