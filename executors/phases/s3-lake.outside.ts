/**
 * Phases on a lake in a bucket of a real S3 server: made, checked, published, exported, appended to, read back.
 *
 * Run: `npx tsx executors/phases/s3-lake.outside.ts`. Exits 1 at the first difference.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { checkSpec } from "../../contracts/check-spec.ts";
import { readSnapshot } from "../lake/snapshot.ts";
import { vacuumTable } from "../lake/vacuum.ts";
import { startS3Server } from "../storage/testing/s3-server.ts";
import { lakeTable } from "./staging.ts";
import { newEnvironment, runSpec } from "./testing/run-spec.ts";

const folder = await mkdtemp(join(tmpdir(), "s3-lake-"));
const server = await startS3Server();
Object.assign(process.env, server.env);
try {
  const environment = { ...newEnvironment(pathToFileURL(`${folder}/`)), lake: "s3://lake/tables" };
  const run = (phases: string) => {
    const { spec, errors } = checkSpec(`version: 1\nname: test\nlayer: silver\nphases:\n${phases}`);
    assert.ok(spec !== null, JSON.stringify(errors));
    return runSpec(environment, spec);
  };
  const append = (first: number) => run(`
  - name: make
    type: transform
    config: { tables: [{ name: silver.t, mode: append, key: [id], sql: "select i::bigint as id, (i * 1.5)::decimal(18,2) as amount from range(${first}, ${first + 1000}) r(i)" }] }
  - { name: publish, type: publish, depends_on: [make], config: { export: true } }`);
  const made = await append(0);
  assert.equal(made.artifacts.get("silver.t.parquet")?.artifact.metadata["rows"], 1000);
  await append(1000);
  const asked = await run(`
  - { name: ask, type: query, config: { inputs: [silver.t], sql: "select count(*) as n, sum(amount) as amount, max(id) as last from silver.t" } }`);
  const { sample } = JSON.parse(await asked.artifacts.get("ask.result.json")!.text()) as { sample: unknown[][] };
  assert.deepEqual(sample, [["2000", "2998500.00", "1999"]]);
  console.log("  ✓ a table in a bucket is made, exported, appended to and read back");

  await run(`
  - { name: make, type: transform, config: { tables: [{ name: silver.p, key: [id], partition_by: [half], sql: "select i::bigint as id, i % 2 as half from range(100) r(i)" }] } }
  - { name: publish, type: publish, depends_on: [make] }`);
  await run("  - { name: care, type: maintain, config: { datasets: [silver.t, silver.p], compact: true, vacuum: { retain_hours: 1 } } }");
  const table = await lakeTable(`${environment.lake}/${environment.environment_id}`, "silver.t");
  const names = async () => {
    const found: string[] = [];
    for await (const { path } of table.storage.list(table.path)) if (path.endsWith(".parquet") && !path.includes("_delta_log")) found.push(path);
    return found;
  };
  assert.equal((await names()).length, 5, "two appended files as they were staged and as they were named for their runs, and the one they were compacted into");
  const newest = Number(environment.datasets.get("silver.t")!.at(-1)!.table_version);
  assert.deepEqual((await readSnapshot(table, newest))?.files.map((file) => file.rows), [2000]);
  const outcome = await vacuumTable(table, { kept_from: newest, before: new Date(Date.now() + 60_000) });
  assert.deepEqual([outcome.removed, outcome.kept, (await names()).length], [4, 1, 1]);
  const after = await run(`
  - { name: ask, type: query, config: { inputs: [silver.t, silver.p], sql: "select count(*) as n, sum(amount) as amount, (select count(*) from silver.p where half = 1) as odd from silver.t" } }`);
  assert.deepEqual((JSON.parse(await after.artifacts.get("ask.result.json")!.text()) as { sample: unknown[][] }).sample, [["2000", "2998500.00", "50"]]);
  console.log("  ✓ it is divided, compacted and cleaned up, and reads as before");
} finally {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
}
