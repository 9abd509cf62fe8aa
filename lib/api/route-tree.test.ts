import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { operations } from "@/contracts/http.ts";

const root = join(import.meta.dirname, "../../app/api/v1");
const routes = readdirSync(root, { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith("route.ts") && !path.startsWith("[[..."))
  .map((file) => ({ file, path: `/${file.replace(/\/?route\.ts$/, "").replaceAll(/\[(\w+)\]/g, "{$1}")}`, text: readFileSync(join(root, file), "utf8") }));

test("the tree of routes has exactly the operations of the contract", () => {
  const present = routes.flatMap(({ path, text }) => [...text.matchAll(/^ {2}(GET|POST|PUT|PATCH|DELETE): route\("(\w+)"/gm)].map(([, method, name]) => `${method} ${path} ${name}`));
  const promised = Object.entries(operations).map(([name, { method, path }]) => `${method} ${path} ${name}`);
  expect(present.toSorted()).toEqual(promised.toSorted());
});

test("every route answers every method, and is never frozen at build time", () => {
  for (const { file, text } of routes) {
    expect(text, file).toContain("export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({");
    expect(text, file).toContain('export const dynamic = "force-dynamic";');
  }
});
