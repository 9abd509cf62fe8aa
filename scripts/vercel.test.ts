import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { timesMistake } from "../contracts/cron.ts";
import { operations } from "../contracts/http.ts";
import { ROOT } from "./gate/testing.ts";

const read = <T>(file: string) => JSON.parse(readFileSync(join(ROOT, file), "utf8")) as T;
const vercel = read<{ framework: string; installCommand: string; buildCommand: string; crons: { path: string; schedule: string }[] }>("vercel.json");
const { dependencies } = read<{ dependencies: Record<string, string> }>("package.json");

test("what Vercel's cron calls is an operation that a GET serves, every minute", () => {
  const served = Object.values(operations).filter(({ method }) => method === "GET").map(({ path }) => `/api/v1${path}`);
  for (const { path, schedule } of vercel.crons) {
    expect(served).toContain(path);
    expect(timesMistake({ cron: schedule, time_zone: "UTC" })).toBeNull();
  }
  expect(vercel.crons).toEqual([{ path: "/api/v1/internal/tick", schedule: "* * * * *" }]);
});

test("Vercel installs by the lock file without running scripts of packages, and builds with the framework that is installed", () => {
  expect(vercel.installCommand).toBe("npm ci --ignore-scripts");
  expect(vercel.buildCommand).toBe("next build");
  expect(vercel.framework).toBe("nextjs");
  expect(dependencies["next"]).toMatch(/^\d+\.\d+\.\d+$/);
});

test("every variable of the web app that the hosted environment needs is in its table", () => {
  const page = readFileSync(join(ROOT, "docs/hosting.md"), "utf8");
  const source = readFileSync(join(ROOT, "lib/env.ts"), "utf8");
  const named = [...source.matchAll(/\b([A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+)\b/g)].map((match) => match[1]!);
  expect(named.length).toBeGreaterThan(8);
  expect([...new Set(named)].filter((name) => !page.includes(name))).toEqual([]);
});
