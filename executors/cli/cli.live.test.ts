import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { canonicalLines } from "../../contracts/json-diff.ts";
import { anExecutor, aQueue, aTenant, ended, openLive, until, type Live, type Tenant } from "../testing/live.ts";
import { slowSql, tableSpec } from "../testing/specs.ts";
import { lakeOf, startWorker, type WorkerProcess } from "../testing/worker-process.ts";
import { runDuckdb } from "../engines/duckdb.ts";
import { literal } from "../engines/duckdb-sql.ts";
import { request } from "./connection.ts";

// The command as a person calls it: a program of its own, with its exit code.
const bin = fileURLToPath(new URL("../bin/control-room.mjs", import.meta.url));
let live: Live;
let tenant: Tenant;
let worker: WorkerProcess;
let folder: string;
const queue = aQueue();

beforeAll(async () => {
  live = openLive();
  tenant = await aTenant(live);
  folder = mkdtempSync(join(tmpdir(), "control room cli "));
  worker = startWorker(live, { token: (await anExecutor(live, tenant)).token, queue });
  writeFileSync(join(folder, "good.json"), JSON.stringify({
    ...tableSpec("silver.cli", "select range as id, getvariable('word') as word from range(100)"), name: "from_a_file",
    parameters: { type: "object", properties: { word: { type: "string", default: "none" }, size: { type: "integer" } }, additionalProperties: false },
  }));
  writeFileSync(join(folder, "slow.json"), JSON.stringify(tableSpec("silver.cli_slow", slowSql(500))));
  writeFileSync(join(folder, "broken.yml"), "version: 1\nname: broken\nphases:\n  - name: a\n    type: transform\n    config: { tables: [{ name: nodots, key: [id], sql: select 1 }] }\n");
});
afterAll(async () => {
  await worker.kill();
  rmSync(folder, { recursive: true, force: true });
  await live.close();
});

interface Result {
  code: number | null;
  out: string;
  err: string;
}
function cli(args: string[], env: Record<string, string> = {}): Promise<Result> {
  return start(args, env).done;
}
function start(args: string[], env: Record<string, string> = {}) {
  const own = { CONTROL_ROOM_URL: live.stack.app_url, CONTROL_ROOM_TOKEN: tenant.api.token };
  const child = spawn(process.execPath, [bin, ...args], { cwd: folder, env: { PATH: process.env["PATH"] ?? "", ...own, ...env }, stdio: ["ignore", "pipe", "pipe"], timeout: 90_000 });
  const result = { code: null as number | null, out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => { result.out += text; });
  child.stderr.setEncoding("utf8").on("data", (text: string) => { result.err += text; });
  return { result, done: once(child, "close").then(([code]): Result => ({ ...result, code: code as number | null })) };
}
function documents(out: string): Record<string, unknown>[] {
  return out.trimEnd().split("\n").map((line) => JSON.parse(line) as Record<string, unknown>);
}

test("validate answers 0 for a sound file, and 2 with line and column for a broken one", async () => {
  const good = await cli(["pipeline", "validate", "good.json"]);
  expect(good).toMatchObject({ code: 0, err: "" });
  expect(good.out).toMatch(/^good\.json valid from_a_file [0-9a-f]{64}\n$/);
  const broken = await cli(["pipeline", "validate", "good.json", "broken.yml"]);
  expect(broken.code).toBe(2);
  expect(broken.err).toMatch(/^broken\.yml:6:32 \/phases\/0\/config\/tables\/0\/name .*lower case/m);
  const json = await cli(["--json", "pipeline", "validate", "broken.yml"]);
  expect(json.code).toBe(2);
  expect(documents(json.out)).toEqual([expect.objectContaining({ file: "broken.yml", valid: false, errors: [expect.objectContaining({ line: 6, column: 32 })] })]);
  expect(await cli(["pipeline", "validate", "absent.yml"])).toMatchObject({ code: 2, err: expect.stringContaining("absent.yml") });
});

test("a run is queued, followed to its end, shown, listed and verified", async () => {
  const watched = await cli(["pipeline", "run", "good.json", "--queue", queue, "--param", "word=hello", "--param", "size=7", "--watch"]);
  expect(watched, watched.err + worker.log()).toMatchObject({ code: 0 });
  const run_id = /succeeded ([0-9a-f-]{36})/.exec(watched.out)?.[1] ?? "";
  for (const type of ["RUN_CREATED", "RUN_CLAIMED", "PHASE_STARTED compute", "PHASE_PROGRESS compute", "PHASE_SUCCEEDED publish", "RUN_SUCCEEDED"]) expect(watched.out).toContain(type);
  expect(await request(tenant.api, "get_run", { params: { run_id } })).toMatchObject({ status: "succeeded", parameters: { word: "hello", size: 7 }, spec_slug: "from_a_file" });

  const shown = await cli(["run", "show", run_id]);
  expect(shown.code).toBe(0);
  for (const part of ["from_a_file", "succeeded", "compute", "check", "publish", "silver.cli.parquet"]) expect(shown.out).toContain(part);
  const asJson = documents((await cli(["--json", "run", "show", run_id])).out);
  expect(asJson).toEqual([expect.objectContaining({ run: expect.objectContaining({ run_id }), phases: expect.any(Array), artifacts: expect.any(Array) })]);

  const again = await cli(["run", "watch", run_id]);
  expect(again.code).toBe(0);
  expect(again.out).toContain("RUN_SUCCEEDED");
  const events = documents((await cli(["run", "watch", run_id, "--json"])).out);
  expect(events.slice(0, -1).map((event) => event["seq"])).toEqual(events.slice(0, -1).map((_, index) => index + 1));
  expect(events.at(-1)).toMatchObject({ run: { run_id, status: "succeeded" } });

  const listed = await cli(["run", "list", "--status", "succeeded", "-n", "5"]);
  expect(listed.code).toBe(0);
  expect(listed.out).toContain(run_id);
  expect(documents((await cli(["run", "list", "--json", "-n", "1"])).out)[0]).toMatchObject({ items: [expect.any(Object)] });

  expect(await cli(["run", "cancel", run_id])).toMatchObject({ code: 1, err: expect.stringContaining("run_finished") });
  const verified = await cli(["run", "verify", run_id]);
  expect(verified, verified.err).toMatchObject({ code: 0 });
  expect(verified.out).toMatch(/^equal: (\d+) of \d+ hashes are equal$/m);
});

test("one row that somebody changed in a landed file is found by a verification, and named", async () => {
  writeFileSync(join(folder, "landed.json"), JSON.stringify(tableSpec("bronze.cli_landed", "select range as id, range * 2 as amount from range(1000)")));
  writeFileSync(join(folder, "derived.json"), JSON.stringify(tableSpec("silver.cli_derived", "select id, amount + 1 as amount from bronze.cli_landed", { inputs: ["bronze.cli_landed"] })));
  for (const file of ["landed.json", "derived.json"]) expect(await cli(["pipeline", "run", file, "--queue", queue, "--watch"]), worker.log()).toMatchObject({ code: 0 });
  const { items: [run] } = await request(tenant.api, "list_runs", { query: { limit: 1 } });
  const landed = fileURLToPath(`${lakeOf(live)}/${tenant.environment_id}/bronze/cli_landed`);
  const file = join(landed, readdirSync(landed).find((name) => name.endsWith(".parquet"))!);
  const planted = join(folder, "planted.parquet");
  await runDuckdb(
    { views: [], read_files: [file], steps: [{ kind: "copy", name: "planted", key: ["id"], to: planted, sql: `select id, case when id = 417 then 0 else amount end::bigint as amount from read_parquet(${literal(file)})` }] },
    { signal: new AbortController().signal, memory_mb: 256, threads: 1, scratch: folder, directories: [folder], timeout_ms: 60_000 },
  );
  copyFileSync(planted, file);
  const verified = await cli(["run", "verify", run!.run_id]);
  expect(verified, verified.err + worker.log()).toMatchObject({ code: 1 });
  expect(verified.out).toContain("silver.cli_derived: 1 row changed (amount)");
  expect(verified.out).toContain("changed id=417: amount 835 -> 1");
  expect(await request(tenant.api, "get_verification", { params: { run_id: run!.run_id } })).toMatchObject({ run_id: run!.run_id, status: "succeeded", verdict: "differs", report: { differences: [{ sample: [{ kind: "changed", key: { id: "417" } }] }] } });
});

test("a table's versions are listed, and it is compacted and cleaned up in runs", async () => {
  const made = await cli(["pipeline", "run", "good.json", "--queue", queue, "--watch"]);
  expect(made, made.err + worker.log()).toMatchObject({ code: 0 });
  const history = documents((await cli(["lake", "history", "silver.cli", "--json"])).out)[0] as { items: { version: number; readable: boolean }[] };
  expect(history.items[0]).toMatchObject({ readable: true, row_count: "100" });
  for (const care of [["compact"], ["vacuum", "--retain-hours", "1"]]) {
    const done = await cli(["lake", ...care, "silver.cli", "--queue", queue]);
    expect(done, done.err + worker.log()).toMatchObject({ code: 0, out: expect.stringContaining("RUN_SUCCEEDED") });
  }
  const listed = await cli(["lake", "history", "silver.cli"]);
  expect(listed.out.trim().split("\n")).toHaveLength(1 + history.items.length);
  expect(await cli(["lake", "vacuum", "silver.never", "--queue", queue])).toMatchObject({ code: 1, out: expect.stringContaining("dataset_missing") });
  expect(await cli(["lake", "history", "silver.never"])).toMatchObject({ code: 4, err: expect.stringContaining("not_found") });
  expect(await cli(["lake", "vacuum", "silver.cli", "--retain-hours", "0"])).toMatchObject({ code: 2 });
});

test("a run is cancelled while it is watched; the watcher ends with 1", async () => {
  const queued = await cli(["pipeline", "run", "slow.json", "--queue", queue]);
  expect(queued.code).toBe(0);
  const run_id = queued.out.trim();
  const watcher = start(["run", "watch", run_id]);
  await until("the run's first phase", 30, async () => watcher.result.out.includes("PHASE_STARTED compute"));
  const canceled = await cli(["run", "cancel", run_id, "--reason", "a mistake"]);
  expect(canceled, canceled.err).toMatchObject({ code: 0, out: expect.stringContaining(run_id) });
  const watched = await watcher.done;
  expect(watched.code).toBe(1);
  expect(watched.out).toMatch(/RUN_CANCELED/);
  expect(await ended(tenant.api, run_id)).toMatchObject({ status: "canceled" });
  expect(await cli(["run", "cancel", run_id]), "to ask twice is no mistake").toMatchObject({ code: 0 });
});

test("a run that fails ends the watcher with 1 and says why", async () => {
  writeFileSync(join(folder, "fails.json"), JSON.stringify({ ...tableSpec("silver.fails", "select nothing from nowhere"), name: "fails" }));
  const watched = await cli(["pipeline", "run", "fails.json", "--queue", queue, "--watch"]);
  expect(watched.code).toBe(1);
  expect(watched.out).toMatch(/failed [0-9a-f-]{36} sql_error: .*nowhere/);
});

test("a project's document is exported, planned, applied once, and refused where the project has changed meanwhile", async () => {
  const mine = { CONTROL_ROOM_TOKEN: (await aTenant(live)).api.token };
  const empty = await cli(["config", "export"], mine);
  expect(empty, empty.err).toMatchObject({ code: 0, err: expect.stringMatching(/^SHA-256 .* [0-9a-f]{64}\n$/) });
  const document = { ...(JSON.parse(empty.out) as object), caps: [{ scope: "project", environment: null, cap_key: "odoo", unit: "rows", period: "day", limit_amount: "10.0" }] };
  writeFileSync(join(folder, "wanted.json"), JSON.stringify(document));
  expect(await cli(["config", "validate", "wanted.json"])).toEqual({ code: 0, out: "wanted.json valid\n", err: "" });
  const wrong = JSON.stringify({ ...document, version: 2 }, null, 1);
  writeFileSync(join(folder, "wrong.json"), wrong);
  const line = wrong.split("\n").findIndex((text) => text.startsWith(' "version": 2')) + 1;
  expect(await cli(["config", "validate", "wrong.json"])).toMatchObject({ code: 2, err: expect.stringMatching(new RegExp(`^wrong\\.json:${line}:\\d+ /version `)) });

  const planned = await cli(["config", "plan", "wanted.json", "--out", "plan.json"], mine);
  expect(planned).toMatchObject({ code: 0, out: "+ cap project * odoo rows day\n1 thing would be changed.\n" });
  expect((await cli(["config", "export"], mine)).out).toBe(empty.out);
  expect(await cli(["config", "apply", "plan.json"], mine)).toMatchObject({ code: 0, out: "+ cap project * odoo rows day\n1 thing was changed.\n" });
  expect(await cli(["config", "plan", "wanted.json"], mine)).toMatchObject({ code: 0, out: "Nothing differs.\n" });
  expect(await cli(["config", "apply", "plan.json"], mine)).toMatchObject({ code: 1, err: expect.stringContaining("conflict") });
  expect(await cli(["config", "apply", "wanted.json"], mine)).toMatchObject({ code: 2, err: expect.stringContaining("no plan") });
});

test("the routing matrix of the repository goes into a project and comes back as the same bytes", async () => {
  const mine = { CONTROL_ROOM_TOKEN: (await aTenant(live)).api.token };
  const text = readFileSync(fileURLToPath(new URL("../../config/routing_matrix.yml", import.meta.url)), "utf8");
  writeFileSync(join(folder, "routing.yml"), text.replaceAll("\n", "\r\n"));
  expect(await cli(["config", "export", "--routing"], mine)).toMatchObject({ code: 4, err: expect.stringContaining("not_found") });
  expect(await cli(["config", "plan", "routing.yml", "--out", "routing.json"], mine)).toMatchObject({ code: 0, out: "+ routing matrix\n1 thing would be changed.\n" });
  expect((await cli(["config", "apply", "routing.json"], mine)).code).toBe(0);
  expect((await cli(["config", "export", "--routing"], mine)).out).toBe(canonicalLines(parse(text)));
  expect(await cli(["config", "plan", "routing.yml"], mine)).toMatchObject({ code: 0, out: "Nothing differs.\n" });
  writeFileSync(join(folder, "shadowed.yml"), text.replace("rules:\n", "rules:\n  - { name: all, when: {}, area: spec, channel: issue }\n"));
  expect(await cli(["config", "plan", "shadowed.yml"], mine)).toMatchObject({ code: 2, err: expect.stringMatching(/shadowed\.yml.*:\d+:\d+ \/rules\/1 weaknesses is never asked/s) });
});

test("what is missing or wrong is said in one clear error, each with its exit code", async () => {
  const empty = mkdtempSync(join(tmpdir(), "control-room-empty-"));
  const none = await cli(["run", "list"], { CONTROL_ROOM_TOKEN: "", CONTROL_ROOM_URL: live.stack.app_url, CONTROL_ROOM_DATA_DIR: empty });
  rmSync(empty, { recursive: true });
  expect(none).toMatchObject({ code: 2, out: "", err: expect.stringMatching(/not_configured.*CONTROL_ROOM_TOKEN/s) });
  expect(await cli(["run", "list", "--token", `lct_${"x".repeat(43)}`])).toMatchObject({ code: 4, err: expect.stringContaining("token_invalid") });
  expect(await cli(["run", "show", "00000000-0000-4000-8000-000000000000"])).toMatchObject({ code: 4, err: expect.stringContaining("not_found") });
  const unknown = await cli(["run", "list", "--json", "--url", "http://control-room.invalid"]);
  expect(unknown.code).toBe(3);
  expect(documents(unknown.out)).toEqual([{ error: expect.objectContaining({ code: "control_room_unreachable", message: expect.stringContaining("control-room.invalid") }) }]);
  expect(await cli(["pipeline", "run", "good.json", "--queue", queue, "--param", "size=big"])).toMatchObject({ code: 2, err: expect.stringMatching(/invalid_parameters.*size/s) });
  expect(await cli(["pipeline", "run", "broken.yml", "--queue", queue])).toMatchObject({ code: 2, err: expect.stringMatching(/invalid_spec.*6:32/s) });
  expect((await cli(["frobnicate"])).code).toBe(2);
  // The environment of the local stack is enough on its own.
  const local = await cli(["run", "list", "--json", "-n", "1"], { CONTROL_ROOM_TOKEN: "", CONTROL_ROOM_URL: "", CONTROL_ROOM_DATA_DIR: live.stack.data_dir });
  expect(local, local.err).toMatchObject({ code: 0 });
});
