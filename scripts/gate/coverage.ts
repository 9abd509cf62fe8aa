import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { isAbsolute, join, relative, sep } from "node:path";
import { z } from "zod";
import { readDocument } from "./documents.ts";
import { UsageError, type Finding, type Gate } from "./gate.ts";

export const capabilitiesFile = "spec/capabilities.yaml";

const sentence = z.string().trim().min(3).max(300);
const point = z.strictObject({
  says: sentence,
  tests: z.array(z.strictObject({ file: z.string(), name: z.string().min(3).optional().describe("tests whose title begins so; left out: all of the file") })).describe("none: it is not built"),
});
/** What Databricks has and what covers it here (table C). There is no state in it: that is computed. */
export const capabilities = z.strictObject({
  version: z.literal(1),
  capabilities: z.array(z.strictObject({ name: sentence, databricks: sentence, target: sentence, plan: z.enum(["MVP", "V1–V2"]), points: z.array(point).min(1) })).min(1),
});

/** What became of the tests of one file, by title; the last result counts where a file ran twice. */
export type TestResults = Map<string, { title: string; passed: boolean }[]>;

const report = z.object({ testResults: z.array(z.object({ name: z.string(), assertionResults: z.array(z.object({ title: z.string(), status: z.string() })) })) });

/** Reads reports of vitest (`--reporter=json`), files or folders of them. Throws UsageError for what is none. */
export function readResults(root: string, path: string): TestResults {
  if (!existsSync(path)) throw new UsageError(`There is no ${path}.`);
  const files = statSync(path).isDirectory() ? readdirSync(path).filter((name) => name.endsWith(".json")).map((name) => join(path, name)) : [path];
  const found: TestResults = new Map();
  for (const file of files) {
    const parsed = report.safeParse(JSON.parse(readFileSync(file, "utf8")));
    if (!parsed.success) throw new UsageError(`${file} is no report of vitest (--reporter=json).`);
    for (const { name, assertionResults } of parsed.data.testResults) {
      const test = (isAbsolute(name) ? relative(root, name) : name).split(sep).join("/");
      found.set(test, assertionResults.map(({ title, status }) => ({ title, passed: status === "passed" })));
    }
  }
  return found;
}

export interface CapabilityState {
  name: string;
  databricks: string;
  target: string;
  plan: string;
  /** `covered`: every point is proven; `part`: some; `open`: none. Without results a point is proven by tests that exist. */
  state: "covered" | "part" | "open";
  points: { says: string; proven: boolean }[];
}

/** Titles in a test's source. Strings only: a title that is computed is named by the file alone. */
function titlesIn(text: string): string[] {
  return [...text.matchAll(/\btest(?:\.\w+(?:\([^]*?\))?)*\(\s*(["'`])((?:\\.|(?!\1)[^])*)\1/g)].map((match) => match[2]!);
}

/** The state of each capability, and tests that are named and are not there or, where results are given, did not pass. */
export function coverage(root: string, results: TestResults | null): { states: CapabilityState[]; findings: Finding[] } {
  const { value, findings, line } = readDocument(root, capabilitiesFile, capabilities);
  if (value === null) return { states: [], findings };
  const found: Finding[] = [];
  const proves = ({ file, name }: { file: string; name?: string }, path: PropertyKey[]): boolean => {
    const fail = (rule: string, message: string): false => {
      found.push({ rule, file: capabilitiesFile, line: line(path), message });
      return false;
    };
    if (!existsSync(join(root, file))) return fail("missing-test", `there is no ${file}`);
    const titles = titlesIn(readFileSync(join(root, file), "utf8"));
    if (titles.length === 0 || (name !== undefined && !titles.some((title) => title.startsWith(name)))) return fail("missing-test", `${file} has no test${name === undefined ? "" : ` whose title begins with "${name}"`}`);
    if (results === null) return true;
    const ran = (results.get(file) ?? []).filter(({ title }) => name === undefined || title.startsWith(name));
    if (ran.length === 0) return fail("test-not-run", `the results hold no test of ${file}${name === undefined ? "" : ` that begins with "${name}"`}`);
    const broken = ran.find(({ passed }) => !passed);
    return broken === undefined || fail("test-failed", `${file}: "${broken.title}" did not pass`);
  };
  const states = value.capabilities.map(({ points, ...capability }, index): CapabilityState => {
    // Every test is looked at, so that each that is missing is named.
    const judged = points.map(({ says, tests }, at) => ({ says, proven: tests.map((test, nth) => proves(test, ["capabilities", index, "points", at, "tests", nth])).every(Boolean) && tests.length > 0 }));
    const proven = judged.filter((each) => each.proven).length;
    return { ...capability, state: proven === judged.length ? "covered" : proven === 0 ? "open" : "part", points: judged };
  });
  return { states, findings: found };
}

export function coverageMarkdown(states: readonly CapabilityState[], withResults: boolean): string {
  const rows = states.map(({ name, databricks, target, plan, state, points }) => `| ${name} | ${databricks} | ${target} | ${plan} | ${state}, ${points.filter((each) => each.proven).length} of ${points.length} | ${points.filter((each) => !each.proven).map((each) => each.says).join("; ") || "nothing"} |`);
  return `# Coverage of capabilities\n\n${withResults ? "A point counts when the tests that it names have passed." : "A point counts when the tests that it names exist; whether they pass was not looked at."}\n\n| capability | Databricks | target here | plan | state | missing |\n| --- | --- | --- | --- | --- | --- |\n${rows.join("\n")}\n`;
}

export const coverageGate: Gate = {
  title: "Coverage of capabilities",
  help: `coverage [--results PATH] [--report]\n\nThe state of each capability of ${capabilitiesFile}, computed from the tests that its points name: they must exist and, with results, have passed.\n  --results PATH   reports of vitest (JSON), a file or a folder; \`CONTROL_ROOM_TEST_RESULTS=PATH npm test\` writes them\n  --report         print the table as Markdown`,
  options: { results: { type: "string" }, report: { type: "boolean" } },
  run(root, options) {
    const path = options["results"] as string | undefined;
    const { states, findings } = coverage(root, path === undefined ? null : readResults(root, path));
    const count = (state: CapabilityState["state"]) => states.filter((each) => each.state === state).length;
    return {
      findings,
      summary: `${states.length} capabilities: ${count("covered")} covered, ${count("part")} in part, ${count("open")} open${path === undefined ? " (tests exist; --results tells whether they pass)" : ""}`,
      data: { states },
      ...(options["report"] === true ? { output: coverageMarkdown(states, path !== undefined) } : {}),
    };
  },
};
