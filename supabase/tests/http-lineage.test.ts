import { randomUUID } from "node:crypto";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { openLineageEvent } from "../../contracts/lineage.ts";
import type { RunEvent } from "../../lib/ops/openlineage-events.ts";
import { api, claimed, executing, executor, newRun, ok, owner, refused, stranger, tenant, useApi } from "./http-world.ts";
import { anApiToken } from "./world.ts";

useApi();

const event = (job: string, more: object = {}) => ({
  eventType: "COMPLETE", eventTime: new Date().toISOString(), producer: "https://example.test", schemaURL: "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent", run: { runId: randomUUID() },
  job: { namespace: "n", name: job }, inputs: [{ namespace: "n", name: "a" }], outputs: [{ namespace: "n", name: "b" }], ...more,
});
const names = async () => ((await ok(200, api("get_lineage", { query: `?environment_id=${tenant.environment_id}` }))) as unknown as { items: { name: string }[] }).items.map(({ name }) => name);

test("an event is taken once from whoever may write, plain or gzip, and refused with its place where it is broken", async () => {
  await ok(201, api("record_lineage", { body: event("m") }));
  await ok(201, api("record_lineage", { as: executor.token, body: event("m") }));
  const packed = (value: unknown) => ({ bytes: new Uint8Array(gzipSync(JSON.stringify(value))), headers: { "content-type": "application/json", "content-encoding": "gzip" } });
  await ok(201, api("record_lineage", packed(event("m", { outputs: [{ namespace: "n", name: "packed" }] }))));
  expect((await names()).toSorted()).toEqual(["a", "b", "packed"]);
  await refused(413, "payload_too_large", api("record_lineage", packed({ ...event("m"), bomb: "0".repeat(50_000_000) })));
  await refused(400, "invalid_json", api("record_lineage", { ...packed({}), bytes: new Uint8Array([1, 2, 3]) }));
  await refused(415, "unsupported_media_type", api("record_lineage", { body: event("m"), headers: { "content-encoding": "br" } }));
  expect(await ok(400, api("record_lineage", { body: { ...event("m"), inputs: [{ name: "x" }] } }))).toMatchObject({ code: "invalid_input", errors: [{ path: "/inputs/0/namespace" }] });
  await refused(403, "forbidden", api("record_lineage", { as: (await anApiToken({ owner, rest: owner }, tenant.project_id, "viewer")).token, body: event("m") }));
  await refused(404, "not_found", api("record_lineage", { as: stranger.api.token, query: "?environment=prod", body: event("m") }));
});

test("of a batch each event is taken or refused for itself, and the answer names the refused ones", async () => {
  const answer = await ok(200, api("record_lineage_batch", { body: [event("x"), { ...event("x"), run: {} }, event("y", { outputs: [{ namespace: "n", name: "late" }] }), {}] }));
  expect(answer).toMatchObject({ status: "partial_success", summary: { received: 4, successful: 2, failed: 2, retriable: 0, non_retriable: 2 }, failed_events: [{ index: 1, reason: expect.stringContaining("/run/runId"), retriable: false }, { index: 3 }] });
  expect(await names()).toContain("late");
  await refused(404, "not_found", api("record_lineage_batch", { as: stranger.api.token, query: "?environment=prod", body: [{}] }));
});

test("an admin sets where an environment's runs are told of, and nobody reads its key", async () => {
  const receiver = { url: "https://lineage.example.test/api/v1/lineage" };
  await refused(404, "not_found", api("get_lineage_receiver"));
  await refused(400, "invalid_input", api("put_lineage_receiver", { body: { url: "https://10.0.0.1/lineage" } }));
  await refused(400, "invalid_input", api("put_lineage_receiver", { body: { url: "https://user:pass@lineage.example.test/" } }));
  await refused(404, "not_found", api("put_lineage_receiver", { as: stranger.api.token, query: "?environment=prod", body: receiver }));
  await refused(403, "forbidden", api("put_lineage_receiver", { as: (await anApiToken({ owner, rest: owner }, tenant.project_id, "editor")).token, body: receiver }));
  const saved = await ok(200, api("put_lineage_receiver", { body: { ...receiver, api_key: "never-seen-again" } }));
  expect(saved).toMatchObject({ ...receiver, has_key: true, enabled: true, delivered: "0", waiting_runs: 0, waiting_since: null });
  expect(await ok(200, api("put_lineage_receiver", { body: receiver }))).toEqual(saved);
  expect(await ok(200, api("put_lineage_receiver", { body: { ...receiver, api_key: null } }))).toMatchObject({ has_key: false });
  expect(JSON.stringify(await ok(200, api("get_lineage_receiver")))).not.toContain("never-seen-again");
  await ok(204, api("delete_lineage_receiver"));
  await ok(204, api("delete_lineage_receiver"));
});

test("a run and its phases are told as OpenLineage has them: from records alone, the same each time, and accepted by this very door", async () => {
  const { run_id } = (await ok(201, newRun())) as unknown as { run_id: string };
  const lease = await claimed(run_id);
  const telling = async () => ((await ok(200, api("get_run_openlineage", { params: { run_id } }))) as unknown as { items: RunEvent[] }).items;
  expect(await telling()).toEqual([]);
  await ok(200, executing("start_run", lease));
  await ok(200, executing("set_phase", lease, { status: "running" }, { name: "land" }));
  expect((await telling()).map(({ eventType, job }) => [eventType, job.name])).toEqual([["START", "daily"], ["START", "daily.land"]]);
  await ok(200, executing("pin_inputs", lease, { sources: { land: { connection: "erp", kind: "odoo", schema: "public", tables: [{ name: "bronze.partners" }] } } }));
  await ok(200, executing("begin_publish", lease, { phase: "land", datasets: ["gold.daily"] }));
  const lineage = { inputs: ["silver.orders"], columns: { total: [{ dataset: "silver.orders", column: "amount", kind: "AGGREGATION" }] }, rows: [{ dataset: "silver.orders", column: "state", kind: "FILTER" }] };
  const result = { dataset: "gold.daily", check: "null_check", label: "gold.daily null_check (total)", severity: "fail", verdict: "pass", wrong: 0, seen: 3 };
  await ok(200, executing("record_quality", lease, { phase: "land", results: [result] }));
  await ok(201, executing("publish_dataset", lease, { phase: "land", name: "gold.daily", layer: "gold", table_version: 0, format: "delta", location: "x", content_sha256: "a".repeat(64), row_count: 3, byte_size: 9, columns: [{ name: "total", type: "decimal(18,2)" }], lineage }));
  await ok(200, executing("set_phase", lease, { status: "succeeded" }, { name: "land" }));
  await ok(200, executing("complete_run", lease, {}));
  const events = await telling();
  expect(await telling()).toEqual(events);
  expect(events.map(({ eventType, job }) => `${eventType} ${job.name}`).toSorted()).toEqual(["COMPLETE daily", "COMPLETE daily.land", "RUNNING daily", "START daily", "START daily.land"]);
  const phase = events.find(({ eventType, job }) => eventType === "COMPLETE" && job.name === "daily.land")!;
  expect(phase.run.facets.parent).toMatchObject({ run: { runId: run_id }, job: { name: "daily" } });
  expect(phase.job.facets.sql).toMatchObject({ query: "select 2" });
  expect(phase.inputs).toMatchObject([{ name: "public.partners" }, { name: "gold.daily", inputFacets: { dataQualityAssertions: { assertions: [{ assertion: "null_check", success: true, column: "total" }] } } }]);
  expect(phase.outputs).toMatchObject([{ name: "gold.daily", outputFacets: { outputStatistics: { rowCount: 3, size: 9 } }, facets: {
    version: { datasetVersion: "1" }, schema: { fields: [{ name: "total", type: "decimal(18,2)" }] },
    columnLineage: { fields: { total: { inputFields: [{ name: "silver.orders", field: "amount", transformations: [{ type: "DIRECT", subtype: "AGGREGATION" }] }] } }, dataset: [{ field: "state", transformations: [{ type: "INDIRECT", subtype: "FILTER" }] }] },
  } }]);
  for (const each of events) expect(openLineageEvent.safeParse(each).error?.issues).toBeUndefined();
  expect(await ok(200, api("record_lineage_batch", { body: events }))).toMatchObject({ status: "success" });
  const { items } = (await ok(200, api("get_lineage", { query: `?environment_id=${tenant.environment_id}&dataset=gold.daily&direction=upstream` }))) as unknown as { items: { name: string }[] };
  expect(items.map(({ name }) => name)).toContain("silver.orders");
  await refused(404, "not_found", api("get_run_openlineage", { as: stranger.api.token, params: { run_id } }));
});
