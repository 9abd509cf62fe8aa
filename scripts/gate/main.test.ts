import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { contractFile } from "./contract.ts";
import { gates, runGates } from "./main.ts";
import { good, route } from "./testing-contract.ts";
import { aTree, ROOT } from "./testing.ts";

async function run(root: string, ...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ["", ""];
  const code = await runGates(root, args, (text) => { out += text; }, (text) => { err += text; });
  return { code, out, err };
}

test("every tool explains itself and its options", async () => {
  const all = await run(ROOT, "--help");
  expect(all.code).toBe(0);
  for (const [name, gate] of Object.entries(gates)) {
    expect(all.out).toContain(name);
    const one = await run(ROOT, name, "--help");
    expect(one).toMatchObject({ code: 0, err: "" });
    for (const option of Object.keys(gate.options)) expect(one.out, name).toContain(`--${option}`);
  }
});

/** For each tool a call that finds nothing and one that finds something, in a tree with that file alone. The summary tells, and finds nothing. */
const calls: Record<keyof typeof gates, { args?: string[]; root?: () => string; wrong: [files: Record<string, string>, found: string] | null }> = {
  contract: { root: () => aTree({ [contractFile]: stringify(good), ...route }), wrong: [{ "contracts/openapi.yaml": "openapi: 3.1.1\npaths: [\n" }, "contracts/openapi.yaml:3"] },
  migrations: { args: ["--no-apply"], wrong: [{ "supabase/migrations/20260101000000_Bad.sql": "" }, "supabase/migrations/20260101000000_Bad.sql:1"] },
  routing: { wrong: [{ "config/owners.yml": "version: 1\nowners: {}\n" }, "config/routing_matrix.yml:1"] },
  backlog: { wrong: [{ "spec/backlog.yaml": "version: 1\nepics: []\nfeatures: []\n" }, "spec/backlog.yaml:2"] },
  exports: { wrong: [{ "config/exports/acme.json": '{\n  "version": 2\n}\n' }, "config/exports/acme.json:2"] },
  coverage: { wrong: [{ "spec/capabilities.yaml": "version: 1\n" }, "spec/capabilities.yaml:1"] },
  summary: { wrong: null },
};

describe.each(Object.entries(calls))("%s", (name, { args = [], root: rightRoot = () => ROOT }) => {
  test("ends with 0 and says so in words and as JSON where it finds nothing", async () => {
    const root = rightRoot();
    expect(await run(root, name, ...args)).toMatchObject({ code: 0, err: "" });
    const { code, out } = await run(root, name, ...args, "--json");
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ ok: true, gates: { [name]: { findings: [], summary: expect.any(String), seconds: expect.any(Number) } } });
  });

  test("ends with 2 for an option that it does not have, and for a value too many", async () => {
    for (const wrongArgs of [[name, "--no-such-option"], [name, "value"]]) expect(await run(ROOT, ...wrongArgs)).toMatchObject({ code: 2, out: "", err: expect.stringContaining("npm run gate --") });
  });

  test("has a page in docs", () => {
    expect(readFileSync(join(ROOT, "docs/gates.md"), "utf8")).toMatch(new RegExp(`^## ${name}$`, "m"));
  });
});

const failing = Object.entries(calls).flatMap(([name, { args = [], wrong }]) => (wrong === null ? [] : [{ name, args, files: wrong[0], place: wrong[1] }]));
test.each(failing)("$name ends with 1 where it finds something, with rule, file and line in words and as JSON", async ({ name, args, files, place }) => {
  const root = aTree(files);
  const { code, out } = await run(root, name, ...args);
  expect(code).toBe(1);
  expect(out).toContain(`${place}: `);
  expect(out).toMatch(new RegExp(`\\[${name}/[a-z-]+\\]`));
  const json = await run(root, name, ...args, "--json");
  expect(json.code).toBe(1);
  const { gates: { [name]: report } } = JSON.parse(json.out) as { gates: Record<string, { findings: { rule: string; file: string; line: number }[] }> };
  expect(report!.findings.map(({ file, line }) => `${file}:${line}`)).toContain(place);
});

test("exit is 0 without findings, 1 with one, 2 for a wrong call", async () => {
  expect((await run(ROOT, "routing")).code).toBe(0);
  const empty = aTree({});
  const failed = await run(empty, "routing");
  expect(failed.code).toBe(1);
  expect(failed.out).toContain("config/routing_matrix.yml:1: is not there [routing/missing]");
  for (const args of [["no-such-tool"], ["routing", "--no-such-option"], ["--release"]]) {
    const wrong = await run(ROOT, ...args);
    expect(wrong, args.join(" ")).toMatchObject({ code: 2, out: "" });
    expect(wrong.err).toContain("npm run gate --");
  }
});

test("--json is one object with rule, file and line of each finding", async () => {
  const { code, out } = await run(aTree({}), "backlog", "--json");
  expect(code).toBe(1);
  expect(JSON.parse(out)).toMatchObject({ ok: false, gates: { backlog: { findings: [{ rule: "missing", file: "spec/backlog.yaml", line: 1 }] } } });
});
