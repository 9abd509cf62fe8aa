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
import { startS3Server } from "../storage/testing/s3-server.ts";
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
} finally {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
}
