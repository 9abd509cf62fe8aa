import { expect, test } from "vitest";
import { gates, runGates } from "./main.ts";
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
