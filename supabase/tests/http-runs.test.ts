import { randomBytes, randomUUID } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { describe, expect, onTestFinished, test } from "vitest";
import { verifyProvenance } from "../../executors/cli/provenance-commands.ts";
import { claimWaiter } from "../../lib/ops/lane-listener.ts";
import { sessionCookieName } from "../../lib/supabase/client.ts";
import { specText } from "./world.ts";
import { api, asCaller, claimed, executing, executor, folder, newRun, ok, owner, refused, secret, sha256Of, stranger, tenant, useApi, userToken, yaml } from "./http-world.ts";

useApi();

describe("runs", () => {
  test("defaults are filled in, mistakes are named, and one idempotency key makes one run", async () => {
    await refused(422, "invalid_parameters", newRun({ parameters: { as_of: 7 } }));
    await refused(404, "not_found", newRun({ environment: "prod" }));
    await refused(404, "not_found", newRun({ template_version: 9 }));
    await refused(422, "invalid_spec", api("create_run", { body: { spec: { version: 1 } } }));
    const headers = { "Idempotency-Key": randomUUID() };
    const made = await ok(201, api("create_run", { body: { template_key: "daily" }, headers }));
    expect(made).toMatchObject({ status: "queued", parameters: { as_of: "2026-11-22" }, template_version: 2, trigger: "api" });
    expect(await ok(200, api("create_run", { body: { template_key: "daily" }, headers }))).toMatchObject({ run_id: made.run_id });
    await refused(409, "idempotency_conflict", api("create_run", { body: { template_key: "daily", priority: 1 }, headers }));
    expect(await ok(201, newRun({ template_version: 1 }))).toMatchObject({ template_version: 1 });
  });

  test("pages hold every run once, newest first, with and without an environment", async () => {
    for (let made = 0; made < 5; made += 1) await ok(201, newRun({ queue: "pages" }));
    for (const filter of ["", `&environment_id=${tenant.environment_id}`]) {
      const seen: string[] = [];
      for (let cursor: string | null = ""; cursor !== null; ) {
        const page = (await ok(200, api("list_runs", { query: `?limit=2${filter}${cursor ? `&cursor=${cursor}` : ""}` }))) as unknown as { items: { run_id: string }[]; next_cursor: string | null };
        seen.push(...page.items.map((each) => each.run_id));
        cursor = page.next_cursor;
      }
      expect(seen).toEqual([...new Set(seen)].toSorted().toReversed());
      expect(seen.length).toBeGreaterThanOrEqual(7);
    }
    const { items } = (await ok(200, api("list_runs", { query: "?status=queued,running&template_key=daily&search=dail" }))) as unknown as { items: { run_id: string }[] };
    expect(items.length).toBeGreaterThanOrEqual(7);
    const id = items[0]?.run_id ?? "";
    expect(await ok(200, api("list_runs", { query: `?search=${id}` }))).toMatchObject({ items: [{ run_id: id }] });
    expect(await ok(200, api("list_runs", { query: `?search=${encodeURIComponent('100%,") or (a')}` }))).toMatchObject({ items: [] });
    await refused(400, "invalid_input", api("list_runs", { query: "?cursor=abc" }));
  });

  test("nobody sees anything of another project", async () => {
    const { run_id } = (await ok(201, newRun())) as unknown as { run_id: string };
    for (const name of ["get_run", "list_phases", "list_events", "list_artifacts"] as const) {
      await refused(404, "not_found", api(name, { as: stranger.api.token, params: { run_id } }));
    }
    await refused(404, "not_found", api("list_events", { as: stranger.api.token, params: { run_id }, headers: { accept: "text/event-stream" } }));
    await refused(404, "not_found", api("cancel_run", { as: stranger.api.token, params: { run_id }, body: {} }));
    expect(await ok(200, api("list_runs", { as: stranger.api.token }))).toMatchObject({ items: [] });
    await refused(404, "not_found", api("list_runs", { as: stranger.api.token, query: `?environment_id=${tenant.environment_id}` }));
    await refused(401, "token_invalid", api("get_run", { as: `lct_${"x".repeat(43)}`, params: { run_id } }));
    expect(await ok(200, api("get_run", { as: userToken, params: { run_id } }))).toMatchObject({ run_id });
    await refused(403, "forbidden", api("claim_runs", { body: {} }));
  });

  test("the browser's session works with its own Origin, and its runs are manual", async () => {
    const expires_at = Math.floor(Date.now() / 1000) + 3600;
    const session = { access_token: userToken, refresh_token: "unused", token_type: "bearer", expires_in: 3600, expires_at, user: { id: tenant.user } };
    const cookie = `${sessionCookieName()}=base64-${Buffer.from(JSON.stringify(session)).toString("base64url")}`;
    const inBrowser = { authorization: "", cookie, host: "control.test", origin: "http://control.test" };
    expect(await ok(200, api("whoami", { headers: { authorization: "", cookie } }))).toMatchObject({ type: "user", environments: [{ environment_id: tenant.environment_id, role: "owner" }] });
    expect(await ok(201, api("create_run", { headers: inBrowser, body: { template_key: "daily" } }))).toMatchObject({ trigger: "manual" });
    await refused(403, "origin_refused", api("create_run", { headers: { ...inBrowser, origin: "http://other.test" }, body: { template_key: "daily" } }));
  });

  test("a queued run is cancelled at once and stays so", async () => {
    const { run_id } = (await ok(201, newRun())) as unknown as { run_id: string };
    expect(await ok(200, api("cancel_run", { params: { run_id }, body: { reason: "not now" } }))).toMatchObject({ status: "canceled" });
    expect(await ok(200, api("cancel_run", { params: { run_id } }))).toMatchObject({ status: "canceled" });
  });
});

describe("executing", () => {
  test("a waiting claim is woken by a new run, well before its timer", async () => {
    const waiting = () => api("claim_runs", { as: executor.token, body: { queues: ["woken"], wait_seconds: 20 } });
    // The first run makes the lane; from then on an empty claim arms it.
    await ok(201, newRun({ queue: "woken" }));
    await ok(200, waiting());
    const started = performance.now();
    const claim = waiting();
    await expect.poll(async () => (await owner.query("select from ops_private.lanes where queue = 'woken' and armed")).rowCount).toBe(1);
    const made = await ok(201, newRun({ queue: "woken" }));
    expect(await ok(200, claim)).toMatchObject({ items: [{ run: { run_id: made.run_id } }] });
    expect(performance.now() - started).toBeLessThan(15_000);
  });

  test("an empty queue is 204, and a caller that goes away stops waiting", async () => {
    expect((await api("claim_runs", { as: executor.token, body: { queues: ["nothing"], wait_seconds: 0.2 } })).status).toBe(204);
    const leaving = new AbortController();
    const claim = api("claim_runs", { as: executor.token, body: { queues: ["nothing"], wait_seconds: 25 }, signal: leaving.signal });
    await expect.poll(() => claimWaiter().size()).toBe(1);
    leaving.abort();
    await claim;
    expect(claimWaiter().size()).toBe(0);
  });

  test("a run goes from claim to equal hashes, with its events followed live and its bytes read back", async () => {
    const outcome: { run_id: string }[] = [];
    const table = await parquetBytes();
    for (const again of [false, true]) {
      const first = outcome[0]?.run_id ?? "";
      const made = (await ok(201, again ? api("retry_run", { params: { run_id: first }, body: {} }) : newRun({ queue: "whole" }))) as unknown as { run_id: string };
      outcome.push(made);
      const stream = await api("list_events", { params: { run_id: made.run_id }, headers: { accept: "text/event-stream" } });
      expect(stream.headers.get("content-type")).toContain("text/event-stream");
      const followed = stream.text();
      const lease = await claimed(made.run_id);
      await ok(200, executing("start_run", lease));
      await ok(200, executing("set_phase", lease, { status: "running" }, { name: "land" }));
      const event = { event_id: randomUUID(), type: "PHASE_PROGRESS", phase: "land", message: "line\nbreak", data: { rows: 3 } };
      const { last_seq } = await ok(200, executing("append_events", lease, { events: [event] }));
      expect(await ok(200, executing("append_events", lease, { events: [event] }))).toEqual({ last_seq });
      expect(await ok(200, executing("heartbeat_run", lease))).toMatchObject({ cancel_requested: false });
      await refused(409, "lease_lost", executing("heartbeat_run", { ...lease, headers: { "Lease-Token": randomUUID() } }));
      expect(await ok(200, executing("pin_inputs", lease, { datasets: ["bronze.res_partner"] }))).toMatchObject({ datasets: [], missing: ["bronze.res_partner"] });

      const sha256 = sha256Of(table);
      const about = { phase: "land", name: "rows.parquet", kind: "dataset", content_type: "application/vnd.apache.parquet", byte_size: table.byteLength, sha256 };
      if (!again) await refused(409, "object_missing", executing("register_artifact", lease, about));
      const where = (await ok(200, api("create_upload_url", { as: executor.token, params: { sha256 }, body: { byte_size: table.byteLength, environment_id: tenant.environment_id } }))) as unknown as { url: string; stored: boolean };
      expect(where.stored).toBe(again);
      const put = { as: executor.token, params: { sha256 }, query: where.url.slice(where.url.indexOf("?")), bytes: table };
      expect(await ok(again ? 200 : 201, api("put_object", put))).toEqual({ sha256, byte_size: String(table.byteLength) });
      await ok(201, executing("register_artifact", lease, about));
      await ok(200, executing("set_phase", lease, { status: "succeeded", output_sha256: sha256 }, { name: "land" }));
      expect(await ok(200, executing("complete_run", lease, {}))).toMatchObject({ status: "succeeded" });
      await refused(409, "run_finished", api("cancel_run", { params: { run_id: made.run_id } }));

      const text = await followed;
      const seqs = [...text.matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1]));
      expect(seqs).toEqual(seqs.map((_, index) => index + 1));
      expect(text).toContain(JSON.stringify("line\nbreak"));
      expect(text).toMatch(/"type":"RUN_SUCCEEDED"[^\n]*\n\nevent: end\ndata: \{\}\n\n$/);
      const resumed = await (await api("list_events", { params: { run_id: made.run_id }, headers: { accept: "text/event-stream", "last-event-id": String(seqs.length - 1) } })).text();
      expect([...resumed.matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1]))).toEqual([seqs.length]);
    }
    const [a, b] = outcome.map((each) => each.run_id) as [string, string];
    expect(await ok(200, api("compare_runs", { params: { run_id: a, other_run_id: b } }))).toMatchObject({ verdict: "equal", phases: [{ name: "land", verdict: "equal" }], artifacts: [{ verdict: "equal" }] });
    expect(await ok(200, api("get_verification", { params: { run_id: a } }))).toMatchObject({ run_id: a, verification_run_id: null, report: null });
    const { items } = (await ok(200, api("list_artifacts", { params: { run_id: a } }))) as unknown as { items: { artifact_id: string }[] };
    const artifact_id = items[0]?.artifact_id ?? "";
    await reads(artifact_id, table);
    await refused(404, "not_found", api("get_artifact_content", { as: stranger.api.token, params: { artifact_id } }));
  });

  test("a succeeded run gives one signed statement of what it consumed and produced, which is checked without the product", async () => {
    const { run_id } = (await ok(201, newRun({ queue: "whole" }))) as unknown as { run_id: string };
    await refused(409, "illegal_transition", api("get_provenance", { params: { run_id } }));
    const lease = await claimed(run_id);
    await ok(200, executing("start_run", lease));
    await ok(200, executing("set_phase", lease, { status: "running" }, { name: "land" }));
    await ok(200, executing("pin_inputs", lease, { sources: { land: { connection: "odoo", kind: "odoo", horizon: "7", tables: [{ name: "bronze.t", sha256: "b".repeat(64), path: "part" }] } } }));
    await ok(200, executing("set_phase", lease, { status: "succeeded", output_sha256: "c".repeat(64) }, { name: "land" }));
    await ok(200, executing("complete_run", lease, {}));
    const statement = await ok(200, api("get_provenance", { params: { run_id } }));
    expect(await ok(200, api("get_provenance", { params: { run_id } }))).toEqual(statement);
    await refused(404, "not_found", api("get_provenance", { as: stranger.api.token, params: { run_id } }));
    const files = mkdtempSync(path.join(tmpdir(), "statement "));
    onTestFinished(() => rmSync(files, { recursive: true, force: true }));
    const kept = { statement: path.join(files, "statement.json"), key: path.join(files, "key.json") };
    writeFileSync(kept.statement, JSON.stringify(statement));
    writeFileSync(kept.key, JSON.stringify(await ok(200, api("get_webhook_key"))));
    const told: unknown[] = [];
    const output = { json: true, line: () => undefined, value: (value: unknown) => void told.push(value), note: () => undefined, paint: (_: string, text: string) => text };
    expect(await verifyProvenance(output, kept.statement, { key: kept.key, subject: [] })).toBe(0);
    expect(told).toMatchObject([{
      verified: true, run_id,
      statement: { predicate: {
        buildDefinition: { externalParameters: { template_key: "daily" }, internalParameters: { sources: { land: { horizon: "7" } } }, resolvedDependencies: expect.arrayContaining([{ name: "source:land/bronze.t", digest: { sha256: "b".repeat(64) }, annotations: { connection: "odoo", kind: "odoo" } }]) as unknown },
        runDetails: { byproducts: [{ name: "phase:land", digest: { sha256: "c".repeat(64) } }] },
      } },
    }]);
  });

  test("nobody holds more streams open than one may, over all runs and kinds; each that is left or ends makes room", async () => {
    const { run_id } = (await ok(201, newRun({ queue: "streams" }))) as unknown as { run_id: string };
    const leaving = new AbortController();
    const follow = (name: "list_events" | "list_logs" = "list_events", as?: string) => api(name, { as, params: { run_id }, headers: { accept: "text/event-stream" }, signal: leaving.signal });
    const streams = await Promise.all(Array.from({ length: 6 }, (_, nth) => follow(nth % 2 === 0 ? "list_events" : "list_logs")));
    expect(streams.map((each) => each.status)).toEqual([200, 200, 200, 200, 200, 200]);
    const over = await follow();
    expect([over.headers.get("retry-after"), await over.json()]).toEqual(["5", expect.objectContaining({ code: "rate_limited", status: 429 })]);
    const theirs = await follow("list_events", userToken);
    expect(theirs.status).toBe(200);
    await streams[0]?.body?.cancel();
    const again = await follow();
    expect(again.status).toBe(200);
    leaving.abort();
    await ok(200, api("cancel_run", { params: { run_id } }));
    for (let nth = 0; nth < 6; nth += 1) expect(await (await api("list_events", { params: { run_id }, headers: { accept: "text/event-stream" } })).text()).toContain("event: end");
  });

  test("lines are appended by the holder, paged, searched and followed, and read the same once the tick has compacted them", async () => {
    const { run_id } = (await ok(201, newRun({ queue: "whole" }))) as unknown as { run_id: string };
    const lease = await claimed(run_id);
    const chunks = [{ chunk_id: randomUUID(), phase: "land", stream: "stdout", text: "Page 1 of 2\npage 2 of 2" }, { chunk_id: randomUUID(), stream: "stderr", text: "disk full" }];
    for (let turn = 0; turn < 2; turn++) expect(await ok(200, executing("append_logs", lease, { chunks }))).toEqual({ last_line: 3, dropped_lines: "0" });
    await refused(400, "invalid_input", executing("append_logs", lease, { chunks: [{ ...chunks[0], text: "x".repeat(300_000) }] }));
    await refused(409, "lease_lost", executing("append_logs", { ...lease, headers: { "Lease-Token": randomUUID() } }, { chunks }));
    await refused(404, "not_found", api("list_logs", { as: stranger.api.token, params: { run_id } }));
    await refused(404, "not_found", api("list_logs", { as: stranger.api.token, params: { run_id }, headers: { accept: "text/event-stream" } }));
    await refused(422, "limit_exceeded", api("list_logs", { params: { run_id }, query: "?limit=1001" }));
    const pages = async () => Promise.all(["", "?order=desc&limit=2", "?search=PAGE&limit=1", "?stream=stderr"].map((query) => ok(200, api("list_logs", { params: { run_id }, query }))));
    const living = await pages();
    expect(living[0]).toMatchObject({ items: [{ line: 1, phase: "land", attempt: 1, stream: "stdout", text: "Page 1 of 2" }, { line: 2 }, { line: 3, phase: null, text: "disk full" }], next_cursor: null, total_lines: 3, matching_lines: null });
    expect(living.slice(1)).toMatchObject([{ items: [{ line: 3 }, { line: 2 }], next_cursor: "2" }, { items: [{ line: 1 }], next_cursor: "1", matching_lines: 2 }, { items: [{ line: 3 }] }]);
    const followed = (await api("list_logs", { params: { run_id }, headers: { accept: "text/event-stream", "last-event-id": "1" } })).text();
    await ok(200, executing("fail_run", lease, { error_code: "storage_full", error_message: "disk full", permanent: true }));
    expect([...(await followed).matchAll(/^id: (\d+)\nevent: log_line$/gm)].map((match) => match[1])).toEqual(["2", "3"]);
    expect(await followed).toMatch(/event: end\ndata: \{\}\n\n$/);
    expect((await ok(200, api("post_tick", { as: secret }))) as unknown).toMatchObject({ jobs: { compact_logs: 1 } });
    expect(await pages()).toEqual(living);
    const { items } = (await ok(200, api("list_artifacts", { params: { run_id } }))) as unknown as { items: { artifact_id: string; name: string; kind: string }[] };
    expect(items.map(({ name, kind }) => [name, kind]).toSorted()).toEqual([["land.log", "log"], ["run.log", "log"]]);
    const land = await api("get_artifact_content", { params: { artifact_id: items.find(({ name }) => name === "land.log")?.artifact_id ?? "" } });
    expect(await land.text()).toMatch(/^1 \S+Z 1 stdout Page 1 of 2\n2 \S+Z 1 stdout page 2 of 2\n$/);
  });

  async function reads(artifact_id: string, table: Uint8Array): Promise<void> {
    const whole = await api("get_artifact_content", { params: { artifact_id } });
    expect(sha256Of(await whole.bytes())).toBe(sha256Of(table));
    expect(whole.headers.get("cache-control")).toContain("immutable");
    const part = await api("get_artifact_content", { params: { artifact_id }, headers: { range: "bytes=-4" } });
    expect([part.status, part.headers.get("content-range"), await part.text()]).toEqual([206, `bytes ${table.byteLength - 4}-${table.byteLength - 1}/${table.byteLength}`, "PAR1"]);
    await refused(416, "range_not_satisfiable", api("get_artifact_content", { params: { artifact_id }, headers: { range: `bytes=${table.byteLength}-` } }));
    expect((await api("get_artifact_content", { params: { artifact_id }, headers: { "if-none-match": `"${sha256Of(table)}"` } })).status).toBe(304);
    expect(await ok(200, api("get_artifact_preview", { params: { artifact_id } }))).toMatchObject({
      format: "table",
      total_rows: "3",
      truncated: false,
      columns: [{ name: "id", type: "BIGINT" }, { name: "amount", type: "DECIMAL(38,4)" }, { name: "at", type: "TIMESTAMPTZ" }, { name: "day", type: "DATE" }, { name: "name", type: "VARCHAR" }],
      rows: [
        ["9007199254740993", "-1234567890123456789012345678901234.5678", "2026-11-22T22:00:00.123456Z", "2026-11-22", "Müller"],
        ["2", "0.0100", "1969-12-31T23:59:59.5Z", "0001-01-01", null],
        ["3", null, null, null, ""],
      ],
    });
  }

  test("wrong bytes store nothing, too many are refused, and a stranger's are not read", async () => {
    const bytes = new Uint8Array(randomBytes(1000));
    const query = `?environment_id=${tenant.environment_id}`;
    const stored = (): string[] => readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((each) => each !== ".unfinished");
    const before = stored();
    await refused(422, "hash_mismatch", api("put_object", { params: { sha256: sha256Of(new Uint8Array()) }, query, bytes }));
    await refused(413, "payload_too_large", api("put_object", { params: { sha256: sha256Of(bytes) }, query, bytes: new Uint8Array(20_000_001) }));
    await refused(404, "not_found", api("put_object", { as: stranger.api.token, params: { sha256: sha256Of(bytes) }, query, bytes }));
    expect(stored()).toEqual(before);
  });
});

describe("filters of runs", () => {
  type Page = { items: { run_id: string; failed_checks: number; duration_seconds: number | null }[]; next_cursor: string | null };
  const list = async (query: string, as = stranger.api.token) => (await ok(200, api("list_runs", { as, query: `?environment_id=${stranger.environment_id}&${query}` }))) as unknown as Page;
  const made = async (body: object) => ((await ok(201, api("create_run", { as: stranger.api.token, body }))) as unknown as { run_id: string }).run_id;

  test("label, tag, failed checks and duration are told from the database, and the counts agree", async () => {
    await ok(201, api("save_template", { as: stranger.api.token, body: { text: `${yaml}tags: [finance]\n` } }));
    const [plain, labelled, tagged] = [await made({ spec: JSON.parse(specText()) }), await made({ spec: JSON.parse(specText()), labels: ["engine:spark"] }), await made({ template_key: "daily" })];
    await owner.query("update ops.runs set failed_checks = 2, status = 'canceled', started_at = now() - interval '90 seconds', finished_at = now(), duration_seconds = 90 where run_id = $1", [labelled]);
    const found = async (query: string) => {
      const { items } = await list(query);
      const { runs } = (await ok(200, api("count_runs", { as: stranger.api.token, query: `?environment_id=${stranger.environment_id}&${query}` }))) as unknown as { runs: Record<string, number> };
      expect(Object.values(runs).reduce((sum, each) => sum + each, 0), query).toBe(items.length);
      return items.map(({ run_id }) => run_id);
    };
    expect(await found("label=engine:spark")).toEqual([labelled]);
    expect(await found("tag=finance")).toEqual([tagged]);
    expect(await found("tag=nothing")).toEqual([]);
    expect(await found("checks=failed")).toEqual([labelled]);
    expect(await found("checks=passed")).toEqual([tagged, plain]);
    expect(await found("min_duration_seconds=60")).toEqual([labelled]);
    expect(await found("min_duration_seconds=60&max_duration_seconds=89.5")).toEqual([]);
    expect((await list("checks=failed")).items[0]).toMatchObject({ failed_checks: 2, duration_seconds: 90 });
    await refused(400, "invalid_input", api("list_runs", { query: "?tag=finance" }));
    await refused(404, "not_found", api("list_runs", { query: `?environment_id=${stranger.environment_id}&tag=finance` }));
    await refused(404, "not_found", api("list_runs", { query: `?environment_id=${stranger.environment_id}&label=engine:spark` }));
  });

  test("a page of a rare filter reads as much of many runs as of few: by an index, or of 20,000 runs at a time", async () => {
    const rare = await made({ spec: JSON.parse(specText()), labels: ["engine:rare"] });
    await owner.query("update ops.runs set failed_checks = 1, status = 'canceled', started_at = now() - interval '2 days', finished_at = now(), duration_seconds = 172800 where run_id = $1", [rare]);
    await owner.query("insert into ops.runs select copy.* from ops.runs as r, generate_series(1, 20000) as n, lateral jsonb_populate_record(r, jsonb_build_object('run_id', ops_private.uuid_v7(), 'duration_seconds', 1, 'labels', '[]'::jsonb, 'failed_checks', 0 * n)) as copy where r.run_id = $1", [rare]);
    await owner.query("analyze ops.runs");
    const first = await list("label=engine:rare");
    expect(first).toMatchObject({ items: [], next_cursor: expect.any(String) as string });
    expect((await list(`label=engine:rare&cursor=${first.next_cursor}`)).items.map(({ run_id }) => run_id)).toEqual([rare]);
    for (const [where, index] of [["failed_checks > 0", "runs_with_failed_checks"], ["duration_seconds >= 86400", "runs_by_duration"]] as const) {
      const plan = await asCaller<Record<"QUERY PLAN", string>>(stranger.api, `explain select * from ops.run_list where environment_id = '${stranger.environment_id}' and ${where} order by run_id desc limit 51`);
      expect(plan.map((row) => row["QUERY PLAN"]).join("\n")).toContain(index);
    }
  });
});

describe("service", () => {
  test("health names the schema and the tick works", async () => {
    await ok(200, api("post_tick", { as: secret }));
    await ok(200, api("post_tick", { as: secret }));
    expect(await ok(200, api("get_health"))).toMatchObject({ status: "ok", database: "ok", storage: "ok" });
    expect(await ok(200, api("whoami", { as: executor.token }))).toMatchObject({ type: "executor", environments: [{ environment_id: tenant.environment_id }] });
    await ok(200, api("list_executors"));
    await ok(200, api("list_datasets"));
    expect(await ok(200, api("get_openapi"))).toMatchObject({ openapi: "3.1.1" });
  });
  test("an inline spec runs as one of a template does", async () => {
    expect(await ok(201, api("create_run", { body: { spec: JSON.parse(specText()) as unknown, project: undefined } }))).toMatchObject({ spec_slug: "sample", template_key: null });
  });
});

async function parquetBytes(): Promise<Uint8Array<ArrayBuffer>> {
  const { readFile } = await import("node:fs/promises");
  const file = path.join(folder, `${randomUUID()}.parquet`);
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  await connection.run(`copy (select * from (values
      (9007199254740993::bigint, -1234567890123456789012345678901234.5678::decimal(38, 4), timestamptz '2026-11-22 22:00:00.123456+00', date '2026-11-22', 'Müller'),
      (2, 0.01, timestamptz '1969-12-31 23:59:59.5+00', date '0001-01-01', null),
      (3, null, null, null, '')) as t (id, amount, "at", day, name)) to '${file.replaceAll("'", "''")}' (format parquet)`);
  connection.closeSync();
  instance.closeSync();
  const bytes = new Uint8Array(await readFile(file));
  rmSync(file);
  return bytes;
}
