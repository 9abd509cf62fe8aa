/**
 * Files in a bucket of a real S3 server land as tables: listed by a pattern, read over a line that breaks, not read again while their
 * ETags stand, refused where they change meanwhile or the key may not read them.
 *
 * Run: `npx tsx executors/phases/ingest-files.outside.ts`. Needs Go once, to build the server. Exits 1 at the first difference.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { checkSpec } from "../../contracts/check-spec.ts";
import { startS3Server } from "../storage/testing/s3-server.ts";
import { startUnsteadyProxy, type Fate } from "../storage/testing/unsteady-proxy.ts";
import { openS3Storage } from "../storage/s3-storage.ts";
import { newEnvironment, runSpec } from "./testing/run-spec.ts";

const folder = await mkdtemp(join(tmpdir(), "s3-files-"));
const server = await startS3Server();
try {
  const bucket = await openS3Storage("s3://lake/exports", server.env);
  const spec = (path: string) => {
    const { spec, errors } = checkSpec({ version: 1, name: "land", phases: [
      { name: "land", type: "ingest", config: { source: "s3", connection: "drop", tables: [{ name: "t", format: "csv", path, key: ["id"], columns: [{ name: "id", type: "bigint" }, { name: "v", type: "decimal(18,2)" }] }] } },
      { name: "publish", type: "publish", depends_on: ["land"] },
    ] });
    assert.ok(spec !== null, JSON.stringify(errors));
    return spec;
  };
  const at = (endpoint: string, secret = server.env["AWS_SECRET_ACCESS_KEY"]!) => `s3://${server.env["AWS_ACCESS_KEY_ID"]}:${secret}@lake/exports?endpoint=${endpoint}`;
  const environment = newEnvironment(pathToFileURL(`${folder}/`), { drop: at(server.endpoint) });

  await bucket.putPointer("day=1/a b.csv", "id,v\n1,1.10\n");
  await bucket.putPointer("day=2/c+d.csv", "id,v\n2,2.20\n");
  await bucket.putPointer("day=2/readme.txt", "no rows");
  const first = await runSpec(environment, spec("day=*/*.csv"));
  assert.equal(environment.datasets.get("bronze.t")?.at(-1)?.row_count, "2");
  const again = await runSpec(environment, spec("day=*/*.csv"));
  assert.deepEqual([again.metrics["land"]?.["unchanged"], environment.datasets.get("bronze.t")?.length], [1, 1]);
  console.log("  ✓ objects of a pattern land, and not again while their ETags stand");

  const fates: Fate[] = ["pass", "cut", "refuse", "pass"];
  const line = await startUnsteadyProxy(server.endpoint, (_, count) => fates[count % fates.length]!);
  try {
    const other = newEnvironment(pathToFileURL(`${folder}/`), { drop: at(line.endpoint) });
    const unsteady = await runSpec(other, spec("day=*/*.csv"));
    assert.equal(unsteady.hashes["land"], first.hashes["land"]);
  } finally {
    await line.stop();
  }
  console.log("  ✓ over a line that breaks the same rows give the same hash");

  await bucket.putPointer("day=2/c+d.csv", "id,v\n2,2.25\n3,3\n");
  await runSpec(environment, spec("day=*/*.csv"));
  assert.deepEqual([environment.datasets.get("bronze.t")?.length, environment.datasets.get("bronze.t")?.at(-1)?.row_count], [2, "3"]);
  let replaced = false;
  const racing = await startUnsteadyProxy(server.endpoint, ({ url }) => {
    if (url?.includes("a%20b") && !replaced) {
      replaced = true;
      return "refuse";
    }
    return "pass";
  });
  try {
    const changing = newEnvironment(pathToFileURL(`${folder}/`), { drop: at(racing.endpoint) });
    const run = runSpec(changing, spec("day=1/*.csv"));
    while (!replaced) await new Promise((resolve) => setImmediate(resolve));
    await bucket.putPointer("day=1/a b.csv", "id,v\n1,9.99\n");
    await run.then(() => assert.equal(changing.datasets.get("bronze.t")?.at(-1)?.row_count, "1"), (error: { code: string; retryable: boolean }) => assert.deepEqual([error.code, error.retryable], ["source_changed", true]));
  } finally {
    await racing.stop();
  }
  console.log("  ✓ an object that changes between its listing and its reading is not taken for the listed one");

  const wrong = newEnvironment(pathToFileURL(`${folder}/`), { drop: at(server.endpoint, "not-the-secret") });
  await assert.rejects(runSpec(wrong, spec("*.csv")), (error: Error & { code: string }) => error.code === "source_auth_failed" && !error.message.includes("not-the-secret"));
  await assert.rejects(runSpec(environment, spec("nothing/*.csv")), { code: "source_table_missing" });
  console.log("  ✓ a wrong key and an empty prefix are said");
} finally {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
}
