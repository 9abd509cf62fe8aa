import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { gates } from "./gate/main.ts";
import { ROOT } from "./gate/testing.ts";

interface Step { uses?: string; run?: string; with?: Record<string, unknown> }
interface Job { "runs-on": string; "timeout-minutes"?: number; permissions?: Record<string, string>; steps: Step[] }
interface Workflow { on: Record<string, unknown>; permissions: Record<string, string>; concurrency?: { group: string; "cancel-in-progress": boolean }; jobs: Record<string, Job> }

const folder = join(ROOT, ".github/workflows");
const workflows = readdirSync(folder).map((name): [string, Workflow] => [name, parse(readFileSync(join(folder, name), "utf8")) as Workflow]);
const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { scripts: Record<string, string> };

/** Commands of a step, one a line, without what surrounds them. */
const commands = (step: Step) => (step.run ?? "").split("\n").flatMap((line) => [...line.matchAll(/\b(npm (?:run|test|ci)|node|npx tsx)\b[^|>)]*/g)].map((match) => match[0].trim().split(/\s+/)));

describe.each(workflows)("%s", (_name, workflow) => {
  const steps = Object.values(workflow.jobs).flatMap((job) => job.steps);

  test("runs only npm scripts and files that exist, and gates with options that they have", () => {
    for (const words of steps.flatMap(commands)) {
      const [program, ...rest] = words[0] === "npm" && words[1] === "run" ? ["npm run", ...words.slice(2).filter((word) => word !== "--silent")] : words[0] === "npx" ? ["node", ...words.slice(2)] : words;
      if (program === "npm run") {
        const [script, separator, ...args] = rest;
        expect(Object.keys(scripts), words.join(" ")).toContain(script);
        if (script !== "gate" || separator === undefined) continue;
        const gate = args[0]!.startsWith("-") ? undefined : gates[args[0] as keyof typeof gates];
        expect(args[0]!.startsWith("-") || gate !== undefined, words.join(" ")).toBe(true);
        parseArgs({ args: gate === undefined ? args : args.slice(1), strict: true, options: { ...(gate ?? gates.contract).options, json: { type: "boolean" } } });
      } else if (program === "node") expect(existsSync(join(ROOT, rest[0]!)), words.join(" ")).toBe(true);
      else expect(["test", "ci"], words.join(" ")).toContain(rest[0]);
    }
  });

  test("has a limit of time for each job, and one run at a time of a kind", () => {
    expect(workflow.concurrency?.group).toBeTruthy();
    for (const [job, { "timeout-minutes": minutes }] of Object.entries(workflow.jobs)) expect(minutes, job).toBeLessThanOrEqual(60);
  });

  test("takes each Action at one commit with its version beside it, keeps no credentials, and says of each cache whether it is used", () => {
    expect(steps.some((step) => step.uses !== undefined || step.run !== undefined)).toBe(true);
    for (const { uses, with: settings } of steps) {
      if (uses === undefined) continue;
      expect(uses).toMatch(/@[0-9a-f]{40}$/);
      if (uses.startsWith("actions/checkout@")) expect(settings).toMatchObject({ "persist-credentials": false });
      if (uses.startsWith("actions/setup-node@")) expect(settings?.["cache"] === "npm" || settings?.["package-manager-cache"] === false, JSON.stringify(settings)).toBe(true);
    }
  });

  test("may read alone; a job that may write says what, and runs nothing that a pull request has brought", () => {
    expect(workflow.permissions).toEqual({ contents: "read" });
    for (const [job, { permissions = {}, steps: its }] of Object.entries(workflow.jobs)) {
      if (!Object.values(permissions).includes("write") || !("pull_request" in workflow.on)) continue;
      for (const { uses, with: settings } of its.filter((step) => step.uses?.startsWith("actions/checkout@"))) expect(String(settings?.["ref"]), `${job} ${uses}`).toContain("pull_request.base.sha");
    }
  });
});

test("every version of an Action stands beside its commit, for who reads the file", () => {
  for (const [name] of workflows) {
    for (const line of readFileSync(join(folder, name), "utf8").split("\n").filter((each) => each.includes("uses:"))) expect(line, name).toMatch(/@[0-9a-f]{40} # v\d+(\.\d+){0,2}$/);
  }
});

test("nights run chaos and the small bench; pull requests run the gates and the tests; a release proves both and is made of what it proved", () => {
  const runs = Object.fromEntries(workflows.map(([name, { jobs }]) => [name, Object.values(jobs).flatMap((job) => job.steps.map((step) => step.run ?? "")).join("\n")]));
  expect(runs["nightly.yml"]).toMatch(/npm run chaos[^]*npm run --silent bench -- --scale small/);
  expect(runs["gate.yml"]).toMatch(/npm run --silent gate -- --base/);
  expect(runs["check.yml"]).toContain("npm test");
  for (const command of ["npm run --silent gate\n", "gate -- routing --release", "npm test"]) expect(runs["release.yml"]).toContain(command);
  expect(Object.entries(Object.fromEntries(workflows)["release.yml"]!.jobs).map(([name, job]) => `${name}: ${String((job as Job & { needs?: string }).needs ?? "first")}`)).toEqual(["verify: first", "image: verify", "publish: image"]);
});
