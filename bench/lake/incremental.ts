import { mkdir } from "node:fs/promises";
import { finished } from "node:stream/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import pg from "pg";
import { to as copyTo } from "pg-copy-streams";
import { checkSpec } from "../../contracts/check-spec.ts";
import type { PipelineSpec } from "../../contracts/pipeline.ts";
import { newEnvironment, runSpec, type RunRecord } from "../../executors/phases/testing/run-spec.ts";
import { startTestServer } from "../../pipelines/testing/test-server.ts";
import type { Figure } from "../figures.ts";
import { changeAnywhere, changeLatest, makeOrderLines } from "./order-lines.ts";

const changed = 0.001;

/**
 * A landing and a merge after 0.1 % of the rows changed, against those of the whole table: seconds by the clock, and the share of the work. What the
 * phases themselves do, without a control plane around them.
 */
export async function incremental(folder: string, rows: number): Promise<Figure[]> {
  const server = await startTestServer();
  try {
    const client = new pg.Client({ connectionString: server.superuser_url("postgres") });
    await client.connect();
    await makeOrderLines(client, rows);
    const copied = await timed(() => copyOut(client));
    const environment = newEnvironment(pathToFileURL(`${folder}/`), { odoo: server.superuser_url("postgres") });
    await mkdir(join(folder, "lake"), { recursive: true });
    const run = (spec: PipelineSpec): Promise<{ seconds: number; record: RunRecord }> => timed(() => runSpec(environment, spec));
    const whole = await run(landing);
    await changeLatest(client, rows, changed);
    const latest = await run(landing);
    await changeAnywhere(client, rows, changed);
    const anywhere = await run(landing);
    const merged = await run(merging("true"));
    const merge = await run(merging(`id > ${rows - rows * changed}`));
    await client.end();
    return [
      { name: "bare COPY TO STDOUT of the same rows", value: copied.seconds, unit: "s" },
      { name: "  of the time that reading them takes in a landing", value: (100 * copied.seconds) / Number(whole.record.metrics["land"]!["read_seconds"]), unit: "%", target: "≥ 80" },
      { name: `landing of ${rows} rows, whole`, value: whole.seconds, unit: "s" },
      { name: "the same after 0.1 % changed, the latest", value: latest.seconds, unit: "s" },
      { name: "  of the whole", value: (100 * latest.seconds) / whole.seconds, unit: "%", target: "≤ 5" },
      { name: "  after 0.1 % changed, anywhere", value: (100 * anywhere.seconds) / whole.seconds, unit: "%" },
      { name: `merge of ${rows} rows, whole`, value: merged.seconds, unit: "s" },
      { name: "the same of the latest 0.1 %", value: merge.seconds, unit: "s" },
      { name: "  of the whole", value: (100 * merge.seconds) / merged.seconds, unit: "%", target: "≤ 5" },
    ];
  } finally {
    await server.stop();
  }
}

async function copyOut(client: pg.Client): Promise<void> {
  const stream = client.query(copyTo("copy sale_order_line to stdout (format csv)"));
  stream.resume();
  await finished(stream);
}

const landing = spec(`version: 1
name: landing
phases:
  - { name: land, type: ingest, config: { source: odoo, mode: incremental, tables: [{ name: sale_order_line, key: [id] }] } }
  - { name: publish, type: publish, depends_on: [land] }`);

function merging(where: string): PipelineSpec {
  return spec(`version: 1
name: merging
phases:
  - name: make
    type: transform
    config:
      inputs: [bronze.sale_order_line]
      tables: [{ name: silver.order_lines, mode: merge, key: [id], sql: "select id, order_id, product_id, price_subtotal, upper(state) as state, write_date from bronze.sale_order_line where ${where}" }]
  - { name: publish, type: publish, depends_on: [make] }`);
}

function spec(text: string): PipelineSpec {
  const checked = checkSpec(text);
  if (checked.spec === null) throw new Error(JSON.stringify(checked.errors));
  return checked.spec;
}

async function timed<T>(work: () => Promise<T>): Promise<{ seconds: number; record: T }> {
  const started = performance.now();
  const record = await work();
  return { seconds: (performance.now() - started) / 1000, record };
}
