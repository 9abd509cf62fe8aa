/**
 * Eight processes race 200 commits into one table, in a folder and on a real S3 server, there also over a line that loses
 * answers: none is lost, none is doubled, the log has no gap.
 *
 * Run: `npx tsx executors/lake/race.outside.ts`. Needs Go once, to build the S3 server. Exits 1 at the first difference.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { openStorage, type Storage } from "../storage/storage.ts";
import { openS3Storage } from "../storage/s3-storage.ts";
import { startS3Server } from "../storage/testing/s3-server.ts";
import { startUnsteadyProxy } from "../storage/testing/unsteady-proxy.ts";
import { commitPath } from "./delta-log.ts";
import { readSnapshot } from "./snapshot.ts";
import { raceAppends } from "./testing/race-appends.ts";

const PROCESSES = 8;
const COMMITS = 200;
const scratch = await mkdtemp(join(tmpdir(), "race-"));

async function race(what: string, storage: Storage, commits: number, env: Record<string, string> = {}): Promise<void> {
  const began = performance.now();
  const table = { storage, path: `race/${crypto.randomUUID()}` };
  const { exits, paths: expected } = await raceAppends(table, { processes: PROCESSES, each: commits / PROCESSES, scratch, env });
  assert.deepEqual(exits, Array.from({ length: PROCESSES }, () => 0));

  const added: string[] = [];
  let version = 0;
  for (; ; version += 1) {
    const text = await storage.readText(commitPath(table, version));
    if (text === null) break;
    for (const line of text.trim().split("\n")) {
      const { add, remove } = JSON.parse(line) as { add?: { path: string }; remove?: object };
      assert.equal(remove, undefined);
      if (add !== undefined) added.push(add.path);
    }
  }
  assert.deepEqual(added.toSorted(), expected, "each commit is in the log once");
  assert.equal(version, commits * 2, "a fence and a commit each, without a gap");
  assert.deepEqual((await readSnapshot(table))?.files.map((file) => file.path), expected);
  console.log(`  ✓ ${what}: ${commits} commits of ${PROCESSES} processes, ${((performance.now() - began) / 1000).toFixed(1)} s`);
}

const server = await startS3Server();
try {
  await race("in a folder", await openStorage(pathToFileURL(scratch).href), COMMITS);
  await race("on S3", await openS3Storage("s3://lake/steady", server.env), COMMITS, server.env);
  const line = await startUnsteadyProxy(server.endpoint, ({ method }, count) => (method === "PUT" && count % 5 === 0 ? "lose" : count % 31 === 0 ? "refuse" : "pass"));
  try {
    const env = { ...server.env, AWS_ENDPOINT_URL_S3: line.endpoint };
    await race("on S3 over a line that loses answers", await openS3Storage("s3://lake/unsteady", env), 40, env);
  } finally {
    await line.stop();
  }
} finally {
  await server.stop();
  await rm(scratch, { recursive: true, force: true });
}
