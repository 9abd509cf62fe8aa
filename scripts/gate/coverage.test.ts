import { join } from "node:path";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { capabilitiesFile, coverage, coverageGate, coverageMarkdown, readResults } from "./coverage.ts";
import { aTree, placed, ROOT } from "./testing.ts";

const point = (says: string, ...tests: object[]) => ({ says, tests });
const matrix = {
  version: 1,
  capabilities: [
    { name: "Jobs", databricks: "Jobs", target: "runs", plan: "MVP", points: [point("It runs", { file: "a.test.ts", name: "it runs" }), point("It ends", { file: "a.test.ts" })] },
    { name: "Tables", databricks: "Delta", target: "Delta", plan: "MVP", points: [point("It commits", { file: "a.test.ts", name: "it commits" }), point("It serves")] },
    { name: "Models", databricks: "native", target: "KServe", plan: "V1–V2", points: [point("It serves")] },
  ],
};
const source = 'test("it runs to its end", () => {});\n  test.each([1, 2])("it commits %i", () => {});\n';
const ran = (root: string, status: Record<string, string>) => JSON.stringify({ testResults: [{ name: join(root, "a.test.ts"), assertionResults: Object.entries(status).map(([title, each]) => ({ title, status: each })) }] });
const states = (found: ReturnType<typeof coverage>) => found.states.map(({ name, state }) => `${name} ${state}`);

test("the capabilities of this repository name tests that exist, and are those of table C", () => {
  const { states: all, findings } = coverage(ROOT, null);
  expect(findings).toEqual([]);
  expect(all.map(({ name, plan }) => `${name}: ${plan}`)).toEqual([
    "Jobs / workflows: MVP", "Pipeline authoring: MVP", "SQL warehouse: MVP", "Table format: MVP", "Dashboards: MVP", "Notebooks: V1–V2", "Lineage: V1–V2", "ML tracking: V1–V2", "Catalog / governance: V1–V2", "NLQ: V1–V2", "Model serving: V1–V2",
  ]);
});

test("a point counts when its tests exist and passed, and a capability is what its points are", () => {
  const root = aTree({ [capabilitiesFile]: stringify(matrix), "a.test.ts": source });
  expect(states(coverage(root, null))).toEqual(["Jobs covered", "Tables part", "Models open"]);
  const results = join(aTree({ "one.json": ran(root, { "it runs to its end": "passed", "it commits 1": "passed", "it commits 2": "passed" }) }), "one.json");
  expect(coverage(root, readResults(root, results))).toMatchObject({ findings: [] });
  const failing = aTree({ "two.json": ran(root, { "it runs to its end": "passed", "it commits 1": "passed", "it commits 2": "failed" }) });
  const found = coverage(root, readResults(root, failing));
  expect(states(found)).toEqual(["Jobs part", "Tables open", "Models open"]);
  expect(found.findings.map(({ rule }) => rule)).toEqual(["test-failed", "test-failed"]);
  const skipped = aTree({ "two.json": ran(root, { "it runs to its end": "skipped" }) });
  expect(coverage(root, readResults(root, skipped)).findings.map(({ rule }) => rule)).toEqual(["test-failed", "test-failed", "test-not-run"]);
});

test("a test that is named and is not there fails with its line", () => {
  const text = stringify(matrix);
  const line = (needle: string) => text.split("\n").findIndex((each) => each.includes(needle)) + 1;
  const root = aTree({ [capabilitiesFile]: text.replace("it commits", "it forgets").replace("name: it runs", "name: it flies"), "a.test.ts": source });
  expect(placed(coverage(root, null).findings)).toEqual([`missing-test@${line("name: it runs") - 1}`, `missing-test@${line("name: it commits") - 1}`]);
  expect(placed(coverage(aTree({ [capabilitiesFile]: text }), null).findings)).toHaveLength(3);
  expect(placed(coverage(aTree({ [capabilitiesFile]: `${text}state: done\n`, "a.test.ts": source }), null).findings)).toEqual([`structure@${text.split("\n").length}`]);
});

test("results that are none are a wrong call", async () => {
  const root = aTree({ [capabilitiesFile]: stringify(matrix), "a.test.ts": source, "no.json": "{}" });
  expect(() => coverageGate.run(root, { results: join(root, "no.json") })).toThrow(/no report of vitest/);
  expect(() => coverageGate.run(root, { results: join(root, "absent.json") })).toThrow(/There is no/);
});

test("the table says what is missing, and whether results were looked at", () => {
  const root = aTree({ [capabilitiesFile]: stringify(matrix), "a.test.ts": source });
  const table = coverageMarkdown(coverage(root, null).states, false);
  expect(table).toContain("| Tables | Delta | Delta | MVP | part, 1 of 2 | It serves |");
  expect(table).toContain("was not looked at");
});
