import { beforeAll, expect, test, vi } from "vitest";
import { main } from "../../executors/cli/main.ts";
import { api, claimed, executing, ok, owner, secret, serveApi, tenant, useApi } from "./http-world.ts";

// The commands as `control-room` performs them, over the handlers of /api/v1 and a real database.
useApi();
let url: string;
beforeAll(async () => {
  url = await serveApi();
});

async function control(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ["", ""];
  const spies = [vi.spyOn(process.stdout, "write").mockImplementation((text) => ((out += String(text)), true)), vi.spyOn(process.stderr, "write").mockImplementation((text) => ((err += String(text)), true))];
  const code = await main(["--url", url, "--token", tenant.api.token, ...args]);
  spies.forEach((spy) => spy.mockRestore());
  return { code, out, err };
}
const tick = () => ok(200, api("post_tick", { as: secret }));
const range = ["--from", "2026-03-28", "--to", "2026-04-01", "--unit", "day", "--time-zone", "Europe/Berlin", "--start-parameter", "as_of"];

test("a backfill is previewed with its counts, made, watched to its end, and a second one finds nothing to do", async () => {
  const preview = await control("backfill", "create", "daily", ...range, "--preview");
  expect(preview, preview.err).toMatchObject({ code: 0, out: expect.stringContaining("4 of 4 partitions would run, by version 2 (4 missing)") as string });
  expect(preview.out).toContain("2026-03-27T23:00:00"); // the zone's midnight, before and after its change to summer time
  expect(preview.out).toContain("2026-03-29T22:00:00");
  expect((await control("backfill", "list")).err).toContain("no such backfills");
  const made = await control("backfill", "create", "daily", ...range, "--max-active", "4");
  const backfill_id = made.out.trim();
  expect(made, made.err).toMatchObject({ code: 0, out: expect.stringMatching(/^[0-9a-f-]{36}\n$/) as string });
  await tick();
  const { backfill, items } = JSON.parse((await control("--json", "backfill", "show", backfill_id)).out) as { backfill: { progress: object }; items: { run_id: string }[] };
  expect(backfill.progress).toMatchObject({ queued: 4, pending: 0 });
  const days: unknown[] = [];
  for (const { run_id } of items) {
    const lease = await claimed(run_id);
    days.push(((await ok(200, api("get_run", { params: { run_id } }))) as unknown as { parameters: { as_of: string } }).parameters.as_of);
    await ok(200, executing("start_run", lease));
    await ok(200, executing("set_phase", lease, { status: "running" }, { name: "land" }));
    await ok(200, executing("set_phase", lease, { status: "succeeded" }, { name: "land" }));
    await ok(200, executing("complete_run", lease, {}));
  }
  expect(days).toEqual(["2026-03-28", "2026-03-29", "2026-03-30", "2026-03-31"]);
  await tick();
  const watched = await control("backfill", "watch", backfill_id);
  expect(watched, watched.err).toMatchObject({ code: 0, out: expect.stringMatching(/^completed .*: 4 succeeded\n$/) as string });
  expect((await control("backfill", "create", "daily", ...range, "--preview")).out).toContain("0 of 4 partitions would run");
  expect((await control("backfill", "list")).out).toMatch(/completed +daily .* 4 of 4/);
});

test("it is paused, goes on and is canceled, and a mistake says what it is", async () => {
  const { out } = await control("backfill", "create", "daily", ...range, "--reprocess", "all", "--max-active", "1", "--newest-first");
  const id = out.trim();
  expect(await control("backfill", "pause", id, "--note", "the source is slow")).toMatchObject({ code: 0, out: expect.stringMatching(/^paused .*\(the source is slow\)\n$/) as string });
  expect(await control("backfill", "watch", id)).toMatchObject({ code: 1, err: expect.stringContaining("resume") as string });
  expect((await control("backfill", "resume", id)).out).toMatch(/^active /);
  expect((await control("backfill", "cancel", id)).out).toMatch(/^canceled .*4 canceled/);
  expect((await control("backfill", "watch", id)).code).toBe(1);
  expect(await control("backfill", "resume", id)).toMatchObject({ code: 1, err: expect.stringContaining("illegal_transition") as string });
  expect((await control("backfill", "show", "00000000-0000-4000-8000-000000000000")).code).toBe(4);
  expect(await control("backfill", "create", "--from", "2026-01-01", "--to", "2026-01-02", "--unit", "day")).toMatchObject({ code: 2, err: expect.stringContaining("--schedule") as string });
  expect((await control("backfill", "create", "daily", "--from", "2026-01-01", "--to", "2026-01-02", "--unit", "fortnight")).code).toBe(2);
  expect((await control("backfill", "create", "daily", "--from", "2026-01-01", "--to", "2026-01-02", "--unit", "day", "--time-zone", "Mars/Olympus")).code).toBe(2);
  expect((await control("backfill", "create", "daily", "--from", "2026-13-41", "--to", "2026-01-02", "--unit", "day")).code).toBe(2);
});

const bronze = `version: 1
name: bronze
phases:
  - { name: land, type: ingest, config: { source: odoo, mode: MODE, tables: [{ name: sale_order, key: [id] }, { name: res_partner, key: [id], mask: [email] }] } }
  - { name: typed, type: transform, depends_on: [land], config: { inputs: [bronze.sale_order], tables: [{ name: silver.orders, key: [id], sql: select 1 as id }] } }
  - { name: check, type: validate, depends_on: [typed] }
  - { name: publish, type: publish, depends_on: [check] }
quality:
  - { dataset: bronze.sale_order, check: row_count, min: 1 }
  - { dataset: bronze.res_partner, check: row_count, min: 1 }
  - { dataset: silver.orders, check: row_count, min: 1 }
`;

test("a range of a table is replayed by one run of what lands, checks and publishes it, and nothing else", async () => {
  await ok(201, api("save_template", { body: { text: bronze.replace("MODE", "incremental") } }));
  const args = ["backfill", "replay", "bronze", "sale_order", "--column", "create_date", "--from", "2026-01-01", "--to", "2026-02-01"];
  const preview = JSON.parse((await control("--json", ...args, "--preview")).out) as object;
  expect(preview).toMatchObject({
    name: "bronze", quality: [{ dataset: "bronze.sale_order" }],
    phases: [
      { name: "land", config: { mode: "incremental", tables: [{ name: "sale_order", range: { column: "create_date", from: "2026-01-01", to: "2026-02-01" } }] } },
      { name: "check", depends_on: ["land"] }, { name: "publish", depends_on: ["check", "land"] },
    ],
  });
  const before = ((await ok(200, api("list_runs", { query: "?limit=1" }))) as unknown as { items: { run_id: string }[] }).items[0]?.run_id;
  const replayed = control("--json", ...args);
  let run: { run_id: string } | undefined;
  await expect.poll(async () => {
    run = ((await ok(200, api("list_runs", { query: "?limit=1" }))) as unknown as { items: { run_id: string }[] }).items[0];
    return run?.run_id;
  }, { timeout: 30_000 }).not.toBe(before);
  expect((await owner.query("select s.spec from ops.specs as s join ops.runs as r using (project_id, spec_sha256) where r.run_id = $1", [run!.run_id])).rows).toEqual([{ spec: preview }]);
  await ok(200, api("cancel_run", { params: { run_id: run!.run_id }, body: {} }));
  expect((await replayed).code).toBe(1);
  expect(await control(...args.toSpliced(3, 1, "crm_lead"))).toMatchObject({ code: 2, err: expect.stringContaining("lands no table crm_lead") as string });
  expect((await control(...args.slice(0, 6))).code).toBe(2);
  await ok(201, api("save_template", { body: { text: bronze.replace("MODE", "cdc, cdc: { slot: s, publication: p }") } }));
  expect(await control(...args)).toMatchObject({ code: 2, err: expect.stringContaining("has no ranges") as string });
});
