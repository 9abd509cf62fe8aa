/**
 * The product as a person starts it, on a real Odoo database: first the 49 key tables (DDL and CSV), then the whole dump
 * where pg_restore 15 or later exists. The same three pipelines must carry it to gold, and a verification of each run must
 * give equal hashes. Run: `npx tsx pipelines/real-odoo.outside.ts`. Exits 1 at the first difference.
 */
import assert from "node:assert/strict";
import { startProduct } from "../scripts/running-product.mjs";
import { loadFullDump, loadKeyTables, no_full_dump, no_real_odoo } from "./testing/real-odoo.ts";
import { query, startTestServer } from "./testing/test-server.ts";

interface RunAnswer {
  run_id: string;
  spec_slug: string;
  status: string;
  error_message: string | null;
}

if (no_real_odoo !== null) throw new Error(no_real_odoo);
const server = await startTestServer();
try {
  await prove("49 key tables", await loadKeyTables((name) => server.superuser_url(name)));
  if (no_full_dump === null) await prove("the whole dump", await loadFullDump((name) => server.superuser_url(name)));
  else console.log(`  the whole dump: left out, ${no_full_dump}`);
} finally {
  await server.stop();
}

async function prove(what: string, odoo_url: string): Promise<void> {
  const began = performance.now();
  const product = await startProduct({ CONTROL_ROOM_CONNECTION_ODOO: odoo_url });
  try {
    const ask = async <T>(path: string, body?: unknown): Promise<T> => {
      const response = await fetch(`${product.stack.api_url}${path}`, {
        method: body === undefined ? "GET" : "POST",
        headers: { authorization: `Bearer ${product.stack.api_token}`, ...(body === undefined ? {} : { "content-type": "application/json" }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(30_000),
      });
      assert.ok(response.ok, `${path}: ${response.status}`);
      return (await response.json()) as T;
    };
    const { items: runs } = await ask<{ items: RunAnswer[] }>("/runs");
    assert.deepEqual(runs.map((run) => `${run.spec_slug} ${run.status}`), ["silver_to_gold succeeded", "bronze_to_silver succeeded", "odoo_ingest_bronze succeeded"]);

    const { items: datasets } = await ask<{ items: { name: string; row_count: string }[] }>("/datasets?limit=200");
    const landed = Number(datasets.find((dataset) => dataset.name === "bronze.account_move_line")?.row_count);
    const [{ rows } = { rows: "0" }] = await query<{ rows: string }>(odoo_url, "select count(*) as rows from account_move_line");
    assert.equal(landed, Number(rows), "every journal item of the source has landed");
    assert.ok(datasets.some((dataset) => dataset.name.startsWith("gold.") && Number(dataset.row_count) > 0), "gold holds rows");

    for (const run of runs) {
      const { run_id } = await ask<RunAnswer>(`/runs/${run.run_id}/retry`, { mode: "verify" });
      const ended = await waitForEnd(() => ask<RunAnswer>(`/runs/${run_id}`));
      assert.equal(ended.status, "succeeded", `${run.spec_slug}: ${ended.error_message}`);
      const { verdict } = await ask<{ verdict: string }>(`/runs/${run_id}/compare/${run.run_id}`);
      assert.equal(verdict, "equal", `${run.spec_slug} verified`);
    }
    console.log(`  ${what}: ${landed} journal items landed, three pipelines verified equal, ${((performance.now() - began) / 1000).toFixed(0)} s`);
  } finally {
    await product.stop();
  }
}

async function waitForEnd(read: () => Promise<RunAnswer>): Promise<RunAnswer> {
  const limit = performance.now() + 120_000;
  for (;;) {
    const run = await read();
    if (["succeeded", "failed", "canceled"].includes(run.status)) return run;
    if (performance.now() > limit) throw new Error(`run ${run.run_id} is still ${run.status}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
