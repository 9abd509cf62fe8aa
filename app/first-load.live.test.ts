import { readFileSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";

const root = path.dirname(import.meta.dirname);
const chunk = (file: string) => readFileSync(path.join(root, file));
/** What `next build` wrote down: the scripts that each page loads before it can be used. */
const routes = JSON.parse(readFileSync(path.join(root, ".next/diagnostics/route-bundle-stats.json"), "utf8")) as { route: string; firstLoadChunkPaths: string[] }[];

const budget = 200_000;
/** Beyond the target: a run with its timeline and actions, the list with its filters, and forms of many kinds of fields, which somebody opens to write. */
const larger: Record<string, number> = {
  "/runs": 216_000, "/runs/[run_id]": 214_000,
  "/schedules/new": 242_000, "/schedules/[schedule_id]/edit": 242_000, "/schedules/[schedule_id]": 216_000,
  "/connections": 226_000,
  "/pipelines/[template_key]/run": 222_000,
  "/alerts": 258_000,
  "/lineage": 205_000,
};
/** Its form checks a rule as the contract does while it is written. */
const checksByContract = new Set(["/alerts"]);
const nameOf = (route: string) => route.replace("/o/[organization]/[project]/[environment]", "") || route;

test("no page loads more scripts before it can be used than its budget, nor the library of the contracts", () => {
  const bytes = new Map<string, number>();
  const sizeOf = (file: string) => {
    const known = bytes.get(file) ?? gzipSync(chunk(file)).length;
    bytes.set(file, known);
    return known;
  };
  const found = routes.map(({ route, firstLoadChunkPaths }) => ({ page: nameOf(route), size: firstLoadChunkPaths.reduce((sum, file) => sum + sizeOf(file), 0), zod: firstLoadChunkPaths.some((file) => chunk(file).includes("ZodError")) }));
  expect(found.length).toBeGreaterThan(30);
  // What grew is said with its size: look for a dialog, a menu or a library that could come when it is wanted (components/ui/on-demand.tsx).
  expect(found.filter(({ page, size }) => size > (larger[page] ?? budget)).map(({ page, size }) => `${page}: ${Math.round(size / 1000)} kB`)).toEqual([]);
  expect(found.filter(({ page, zod }) => zod && !checksByContract.has(page)).map(({ page }) => page), "pages that load zod: take words from contracts/words.ts").toEqual([]);
});
