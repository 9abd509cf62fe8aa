import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { canonicalJson } from "../../contracts/canonical.ts";
import { checkSpec } from "../../contracts/check-spec.ts";
import { canonicalLines } from "../../contracts/json-diff.ts";
import { answerJson, problemOf, startServer, type TestingServer } from "../core/testing-server.ts";
import { findConnection } from "./connection.ts";
import { main } from "./main.ts";
import { plain } from "./output.ts";
import { parseParameters } from "./pipeline-commands.ts";

let folder: string;
let server: TestingServer | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cli-"));
  for (const name of ["CONTROL_ROOM_URL", "CONTROL_ROOM_TOKEN"]) vi.stubEnv(name, undefined);
  vi.stubEnv("CONTROL_ROOM_DATA_DIR", folder);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
  await server?.close();
});

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ["", ""];
  vi.spyOn(process.stdout, "write").mockImplementation((text) => { out += String(text); return true; });
  vi.spyOn(process.stderr, "write").mockImplementation((text) => { err += String(text); return true; });
  const code = await main(args);
  vi.restoreAllMocks();
  return { code, out, err };
}

const spec = "version: 1\nname: demo\nparameters: { type: object, properties: { n: { type: integer } }, additionalProperties: false }\nphases:\n  - { name: look, type: query, config: { sql: select 1 } }\n";

test("validate answers 0 and the hash, or 2 and every place", async () => {
  writeFileSync(join(folder, "good.yml"), spec);
  writeFileSync(join(folder, "bad.yml"), spec.replace("query", "quary"));
  const good = await run("pipeline", "validate", join(folder, "good.yml"));
  expect(good).toMatchObject({ code: 0, err: "" });
  expect(good.out).toMatch(/valid demo [0-9a-f]{64}\n$/);
  const both = await run("--json", "pipeline", "validate", join(folder, "good.yml"), join(folder, "bad.yml"));
  expect(both.code).toBe(2);
  expect(both.out.trim().split("\n").map((line) => (JSON.parse(line) as { valid: boolean }).valid)).toEqual([true, false]);
  expect((await run("pipeline", "validate", join(folder, "bad.yml"))).err).toContain("bad.yml:5:25 /phases/0/type");
});

test("a plan names phases in order, versions, child runs and what the file changes, and ends with 1 where the run would fail", async () => {
  const id = "00000000-0000-4000-8000-000000000001";
  const place = (slug: string) => ({ environment_id: id, slug, name: slug, project_id: id, project_slug: "lake", project_name: "Lake", organization_id: id, organization_slug: "acme", organization_name: "Acme", role: "viewer" });
  const dataset = (name: string, version: number) => ({
    dataset_id: id, name, layer: null, version, table_version: "7", format: "delta", location: "x", content_sha256: "0".repeat(64), row_count: "42", byte_size: "1", columns: [], run_id: id, data_at: "2026-01-01T00:00:00Z", created_at: "2026-01-01T00:00:00Z",
  });
  const file = join(folder, "p.yml");
  const phases = (sql: string) => `version: 1\nname: p\nparameters: { type: object, properties: { days: { type: array, items: { type: string }, default: [a, b] }, day: { type: string } } }\nphases:
  - { name: publish, type: publish, depends_on: [make] }
  - { name: make, type: transform, for_each: { parameter: day, items_from: days }, config: { inputs: [bronze.t], tables: [{ name: silver.t, key: [id], sql: "${sql}" }] } }
  - { name: ask, type: query, depends_on: [publish], config: { inputs: [silver.t], sql: select 1 } }\n`;
  writeFileSync(file, phases("select 1 as id"));
  const saved = { template_id: id, project_id: id, template_key: "p", title: "p", description: "", kind: "pipeline", layer: null, owner: null, tags: [], current_version: 3, spec_sha256: "1".repeat(64), parameters_schema: {}, created_at: "2026-01-01T00:00:00Z", updated_at: "2026-01-01T00:00:00Z", spec: checkSpec(phases("select 2 as id")).spec, source_text: null };
  let environments = [place("dev")];
  let published = [dataset("bronze.t", 5)];
  let stored: unknown = saved;
  server = await startServer((incoming, answer) => {
    if (incoming.path.includes("/whoami")) return answerJson(answer, 200, { type: "token", id, name: "t", environments });
    if (incoming.path.includes("/templates/p")) return stored === null ? answerJson(answer, 404, problemOf(404, "not_found")) : answerJson(answer, 200, stored);
    return incoming.path.includes("cursor=2") ? answerJson(answer, 200, { items: published, next_cursor: null }) : answerJson(answer, 200, { items: [], next_cursor: "2" });
  });
  const at = ["--url", server.url, "--token", "lct_x"];
  const planned = await run("--json", "pipeline", "plan", file, ...at);
  expect(planned, planned.err).toMatchObject({ code: 0 });
  expect(JSON.parse(planned.out)).toMatchObject({
    saved: { version: 3 }, changes: [{ path: "/phases/name=make/config/tables/name=silver.t/sql", kind: "changed" }], parameters: { days: ["a", "b"] }, problems: [],
    phases: [
      { name: "make", step: 1, children: 2, labels: ["engine:duckdb"], inputs: [{ dataset: "bronze.t", made_by: null, version: 5, row_count: "42" }], outputs: [{ dataset: "silver.t", mode: "overwrite", version: null }] },
      { name: "publish", step: 2 }, { name: "ask", step: 3, inputs: [{ dataset: "silver.t", made_by: "make", version: null }] },
    ],
  });
  [published, stored] = [[], null];
  const failing = await run("pipeline", "plan", file, "--param", "days=[]", ...at);
  expect(failing.code).toBe(1);
  expect(failing.out).toContain("not stored yet");
  expect(failing.err).toMatch(/make reads bronze\.t, which no run has published[^]*make has no items/);
  environments = [place("dev"), place("prod")];
  expect((await run("pipeline", "plan", file, ...at)).code).toBe(2);
  const alone = await run("pipeline", "plan", file, "--offline");
  expect(alone, alone.err).toMatchObject({ code: 0, err: "" });
  writeFileSync(file, phases("select 1 as id").replace("query", "quary"));
  expect(await run("pipeline", "plan", file, "--offline")).toMatchObject({ code: 2, err: expect.stringMatching(/7:\d+ \/phases\/2\/type/) });
  expect((await run("pipeline", "plan", file, "--offline", "--param", "days=x")).code).toBe(2);
});

test.each([
  [["pipeline", "frob"], 2], [["pipeline", "validate"], 2], [["run", "list", "-n", "x"], 2], [["run", "list"], 2], [["--version"], 0], [["run", "--help"], 0],
])("%j ends with %i", async (args, code) => {
  expect((await run(...args)).code).toBe(code);
});

test.each([[401, "token_invalid", 4], [403, "forbidden", 4], [404, "not_found", 4], [500, "internal", 3], [409, "illegal_transition", 1], [422, "invalid_parameters", 2]])("an answer %i %s ends with %i and its code", async (status, code, exitCode) => {
  server = await startServer((_request, response) => answerJson(response, status, problemOf(status, code)));
  const ended = await run("run", "cancel", "some-run", "--url", server.url, "--token", "lct_x", "--json");
  expect(ended.code).toBe(exitCode);
  expect(JSON.parse(ended.out)).toMatchObject({ error: { code, message: "so it is" } });
});

test("a report of caps names what each holds, tightest first, and ends with 1 where one runs out", async () => {
  const id = "00000000-0000-4000-8000-000000000001";
  const environment = { environment_id: id, slug: "dev", name: "Dev", project_id: id, project_slug: "lake", project_name: "Lake", organization_id: id, organization_slug: "acme", organization_name: "Acme", role: "viewer" };
  const hour = 3_600_000;
  const cap = (cap_key: string, used: string) => ({
    cap_id: id, scope: "environment", organization_id: id, project_id: id, environment_id: id, cap_key, unit: "rows", period: "day", time_zone: "UTC", limit_amount: "100", enabled: true, used, reserved: "0",
    window_starts_at: new Date(Date.now() - 12 * hour).toISOString(), resets_at: new Date(Date.now() + 12 * hour).toISOString(), created_at: "2026-01-01T00:00:00Z", updated_at: "2026-01-01T00:00:00Z",
  });
  let items = [cap("wide", "1"), cap("tight", "100")];
  server = await startServer((incoming, answer) => {
    answerJson(answer, 200, incoming.path.includes("/whoami") ? { type: "token", id, name: "t", environments: [environment] } : { items, next_cursor: null });
  });
  const spent = await run("caps", "report", "--url", server.url, "--token", "lct_x");
  expect(spent, spent.err).toMatchObject({ code: 1 });
  expect(spent.out).toMatch(/tight \| lake\/dev \|[^]*exhausted[^]*wide \| lake\/dev \|/);
  items = [cap("wide", "1")];
  const fine = await run("--json", "caps", "report", "--url", server.url, "--token", "lct_x");
  expect(fine.code).toBe(0);
  expect(JSON.parse(fine.out)).toMatchObject({ caps: [{ cap_key: "wide", holds: "lake/dev", state: "ok", forecast_share: expect.closeTo(0.02, 2) }] });
});

test.each([["config", "export"], ["config", "validate"], ["config", "plan"], ["config", "apply"], ["caps", "report"]])("%s %s explains itself with 0, and ends with 2 for an option that it does not have", async (...command) => {
  expect(await run(...command, "--help")).toMatchObject({ code: 0, err: "", out: expect.stringContaining(`control-room ${command.join(" ")}`) });
  expect(await run(...command, "--no-such-option")).toMatchObject({ code: 2, out: "" });
});

test("what steers a project is exported, planned and applied in words and as JSON", async () => {
  const states = { state_sha256: "a".repeat(64), after_sha256: "b".repeat(64) };
  const document = { version: 1, templates: [], executors: [], caps: [], schedules: [], alert_rules: [], routing: null };
  const changes = [{ kind: "executor", action: "create", name: "Worker", before: null, after: { name: "Worker" } }];
  server = await startServer((incoming, answer) => { answerJson(answer, 200, incoming.path.endsWith("/control-plane") ? { document, state_sha256: states.state_sha256 } : { changes, ...states }); });
  const at = ["--url", server.url, "--token", "lct_x"];
  const words = await run("config", "export", ...at);
  expect(words).toMatchObject({ code: 0, out: canonicalLines(document) });
  const sha256 = createHash("sha256").update(canonicalJson(document)).digest("hex");
  expect(words.err).toContain(sha256);
  expect(JSON.parse((await run("--json", "config", "export", ...at)).out)).toEqual({ document, sha256, state_sha256: states.state_sha256 });
  expect(JSON.parse((await run("--json", "config", "export", "--routing", ...at)).out)).toMatchObject({ error: { code: "not_found" } });

  const [file, plan] = [join(folder, "wanted.json"), join(folder, "plan.json")];
  writeFileSync(file, words.out);
  expect(await run("config", "plan", file, "--out", plan, ...at)).toEqual({ code: 0, out: "+ executor Worker\n1 thing would be changed.\n", err: "" });
  expect(JSON.parse((await run("--json", "config", "plan", file, ...at)).out)).toEqual({ changes, ...states });
  expect(await run("config", "apply", plan, ...at)).toMatchObject({ code: 0, out: "+ executor Worker\n1 thing was changed.\n" });
  expect(JSON.parse((await run("--json", "config", "apply", plan, ...at)).out)).toEqual({ changes, ...states });
  writeFileSync(file, '{\n  "version": 2\n}\n');
  const invalid = await run("--json", "config", "validate", file);
  expect(invalid.code).toBe(2);
  expect(JSON.parse(invalid.out)).toMatchObject({ file, valid: false, errors: [{ path: "/version", line: 2 }] });
});

test("a control room that is away ends with 3", async () => {
  server = await startServer(() => undefined);
  const { url } = server;
  await server.close();
  expect((await run("run", "cancel", "some-run", "--url", url, "--token", "lct_x")).code).toBe(3);
});

test("wrong parameters of a file are refused before anything is sent", async () => {
  writeFileSync(join(folder, "good.yml"), spec);
  const ended = await run("pipeline", "run", join(folder, "good.yml"), "-p", "n=many", "-p", "x=1", "--url", "http://127.0.0.1:1", "--token", "lct_x", "--json");
  expect(ended.code).toBe(2);
  expect((JSON.parse(ended.out) as { error: { errors: { path: string }[] } }).error.errors.map((error) => error.path)).toEqual(["/parameters/n", "/parameters/x"]);
});

test("parameters are read by their declared type", () => {
  const properties = { n: { type: "integer" }, on: { type: "boolean" }, list: { type: "array" }, zip: { type: "string" }, none: { type: ["string", "null"] } };
  expect(parseParameters(["n=3", "on=true", "list=[1]", "zip=0123", "none=", "other=5", "eq=a=b"], properties)).toEqual({ n: 3, on: true, list: [1], zip: "0123", none: null, other: "5", eq: "a=b" });
});

test("the token of the local stack is never sent to another control room", () => {
  writeFileSync(join(folder, "stack.json"), JSON.stringify({ app_url: "http://127.0.0.1:4000", api_token: "lct_local" }));
  expect(findConnection({})).toEqual({ url: "http://127.0.0.1:4000", token: "lct_local" });
  expect(findConnection({ url: "http://127.0.0.1:4000/" }).token).toBe("lct_local");
  expect(() => findConnection({ url: "https://elsewhere.example" })).toThrow(expect.objectContaining({ code: "not_configured" }));
});

test("text of others cannot steer the terminal", () => {
  expect(plain("a\u001b[2Jb\u0007\r\nc\u202ed")).toBe("a [2Jb c d");
});
