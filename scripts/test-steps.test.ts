import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { coverage, readResults } from "./gate/coverage.ts";
import { aTree, ROOT } from "./gate/testing.ts";

test("CONTROL_ROOM_TEST_RESULTS keeps what became of the tests, and the coverage of capabilities counts what passed and nothing else", () => {
  const results = join(aTree({}), "results");
  const environment = Object.entries(process.env).filter(([name]) => !name.startsWith("VITEST"));
  const run = 'import { vitest } from "./scripts/test-steps.mjs"; await vitest("Some", ["unit"], {}, ["contracts/check-spec.test.ts"]);';
  execFileSync(process.execPath, ["--input-type=module", "--eval", run], { cwd: ROOT, env: { ...Object.fromEntries(environment), CONTROL_ROOM_TEST_RESULTS: results }, stdio: ["ignore", "ignore", "inherit"], timeout: 120_000 });
  expect(readdirSync(results)).toEqual(["unit.json"]);

  const { states, findings } = coverage(ROOT, readResults(ROOT, results));
  const proven = states.flatMap(({ points }) => points.filter((point) => point.proven).map(({ says }) => says));
  expect(proven).toContain("Specs in YAML or JSON are refused with line and column");
  expect(proven).not.toContain("Executors at the same time never share a run");
  expect([...new Set(findings.map(({ rule }) => rule))]).toEqual(["test-not-run"]);
}, 150_000);
