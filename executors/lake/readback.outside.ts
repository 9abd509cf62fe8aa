/**
 * Reads tables of the committer back with delta-rs, a reader that shares no code with it: values of every type,
 * partition values, an append with an added column, an overwrite, time travel, and a state that comes from a
 * checkpoint alone.
 *
 * Run: `npx tsx executors/lake/readback.outside.ts [PYTHON]`. Without PYTHON it makes a venv in the cache folder
 * with deltalake 1.6.6 and pyarrow from PyPI. Exits 1 at the first difference.
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { deepStrictEqual } from "node:assert";
import { pathToFileURL } from "node:url";
import { runDuckdb } from "../engines/duckdb.ts";
import type { CopyResult } from "../engines/duckdb-job.ts";
import { openStorage } from "../storage/storage.ts";
import { commitTable } from "./commit.ts";
import { commitPath, type LakeTable } from "./delta-log.ts";
import { deltaColumns, type LakeColumn } from "./delta-types.ts";
import { readSnapshot } from "./snapshot.ts";
import { type StagedFile, stageFile } from "./stage.ts";
import { vacuumTable } from "./vacuum.ts";

// Arrow's C++ threads may still run when Python tears itself down, which then aborts after the answer was printed
// (apache/arrow #34314): the reader leaves at once, with all that it has to say flushed.
const READER = `
import json, os, sys
from deltalake import DeltaTable
table = DeltaTable(sys.argv[1], version=int(sys.argv[2]) if len(sys.argv) > 2 else None)
rows = table.to_pyarrow_table().sort_by("id").to_pylist()
schema = json.loads(table.schema().to_json())["fields"]
stats = table.get_add_actions(flatten=True)
print(json.dumps({
  "version": table.version(),
  "schema": [[f["name"], f["type"]] for f in schema],
  "rows": [[None if v is None else str(v) for v in row.values()] for row in rows],
  "counted": sum(stats.column("num_records").to_pylist()),
  "max_big": str(max(v for v in stats.column("max.big").to_pylist() if v is not None)),
}, default=str), flush=True)
os._exit(0)
`;

interface Readback {
  version: number;
  schema: [string, string][];
  rows: (string | null)[][];
  counted: number;
  max_big: string;
}

function python(): string {
  const given = process.argv[2] ?? process.env["DELTALAKE_PYTHON"];
  if (given !== undefined) return given;
  const venv = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "lakehouse-control-room", "deltalake-1.6.6");
  if (!existsSync(join(venv, "bin", "deltalake-ready"))) {
    execFileSync("python3", ["-m", "venv", venv], { stdio: "inherit" });
    execFileSync(join(venv, "bin", "pip"), ["install", "--quiet", "deltalake==1.6.6", "pyarrow"], { stdio: "inherit", timeout: 600_000 });
    execFileSync("touch", [join(venv, "bin", "deltalake-ready")]);
  }
  return join(venv, "bin", "python");
}

const root = await mkdtemp(join(tmpdir(), "readback-"));
try {
  const interpreter = python();
  const table: LakeTable = { storage: await openStorage(pathToFileURL(root).href), path: "dev/silver/types" };
  const read = (version?: number): Readback =>
    JSON.parse(execFileSync(interpreter, ["-c", READER, join(root, table.path), ...(version === undefined ? [] : [String(version)])], { encoding: "utf8", timeout: 120_000 })) as Readback;
  const partitions: LakeColumn[] = [{ name: "_run_id", type: "string", nullable: true }, { name: "_ingested_at", type: "timestamp", nullable: true }];

  let fence = 0;
  const commit = async (sql: string, mode: "overwrite" | "append", ingested_at: string): Promise<number> => {
    fence += 1;
    const run_id = `run-${fence}`;
    const { results } = await runDuckdb(
      { views: [], steps: [{ kind: "copy", name: "silver.types", sql, key: ["id"], to: join(root, "out.parquet") }] },
      { signal: new AbortController().signal, memory_mb: 512, threads: 2, scratch: root, directories: [root], timeout_ms: 60_000 },
    );
    const written = results[0] as CopyResult;
    const columns = deltaColumns("silver.types", written.columns);
    // As a file of a table that is divided by its key: others pass over our tags, in the log and in a checkpoint.
    const staged = await stageFile({ ...written.file!, table, columns, mode, run_id, slice: { shift: 17, number: fence } });
    const outcome = await commitTable({
      table, mode, app_id: "readback", fence, run_id, phase: "publish", columns: [...columns, ...partitions],
      partition_columns: partitions.map((column) => column.name), files: [staged], partition_values: { _run_id: run_id, _ingested_at: ingested_at }, scratch: root,
      // A position that an overwrite voids: other readers must pass over it.
      source: fence % 2 === 1 ? { app_id: "source/readback", version: 2 ** 40 + fence } : null, log: (message) => { throw new Error(message); },
    });
    return outcome.version;
  };

  const first = await commit(
    `select 1::bigint as id, 9223372036854775807::bigint as big, 7::integer as n, true as flag, 'tëxt, "quoted"' as name, date '2024-02-29' as day,
     timestamptz '2024-02-29 10:00:00.123456+00' as at, 12345678901234.56::decimal(18,2) as amount, 0.1::double as ratio
     union all select 2, null, null, null, null, null, null, null, null`,
    "overwrite",
    "2026-11-22T08:00:00.123456Z",
  );
  const expected = {
    version: first,
    schema: [["id", "long"], ["big", "long"], ["n", "integer"], ["flag", "boolean"], ["name", "string"], ["day", "date"], ["at", "timestamp"], ["amount", "decimal(18,2)"], ["ratio", "double"], ["_run_id", "string"], ["_ingested_at", "timestamp"]],
    rows: [
      ["1", "9223372036854775807", "7", "True", 'tëxt, "quoted"', "2024-02-29", "2024-02-29 10:00:00.123456+00:00", "12345678901234.56", "0.1", "run-1", "2026-11-22 08:00:00.123456+00:00"],
      ["2", null, null, null, null, null, null, null, null, "run-1", "2026-11-22 08:00:00.123456+00:00"],
    ],
    counted: 2,
  };
  const { max_big, ...seen } = read();
  deepStrictEqual(seen, expected);
  deepStrictEqual(max_big, "9223372036854775807");

  await commit("select 3::bigint as id, 'added' as extra", "append", "2026-11-22T09:00:00Z");
  const appended = read();
  deepStrictEqual(appended.rows.map((row) => [row[0], row[appended.schema.findIndex(([name]) => name === "extra")]]), [["1", null], ["2", null], ["3", "added"]]);

  for (let n = 4; n <= 11; n += 1) await commit(`select ${n}::bigint as id, ${n}::bigint as big`, n === 7 ? "overwrite" : "append", "2026-11-22T10:00:00Z");
  const newest = read();
  deepStrictEqual(newest.rows.map((row) => row[0]), ["7", "8", "9", "10", "11"]);
  deepStrictEqual(newest.version, (await readSnapshot(table))?.version);
  for (let version = 0; version < 10; version += 1) await rm(join(root, commitPath(table, version)));
  deepStrictEqual(read(), newest);
  // Divided by values, compacted by value, cleaned up: each state as an engine of others sees it.
  const divided: LakeTable = { storage: table.storage, path: "dev/silver/divided" };
  const half: LakeColumn = { name: "half", type: "date", nullable: true };
  const id: LakeColumn = { name: "id", type: "long", nullable: true };
  const readDivided = (version?: number): (string | null)[][] =>
    (JSON.parse(execFileSync(interpreter, ["-c", READER.replaceAll("max.big", "max.id"), join(root, divided.path), ...(version === undefined ? [] : [String(version)])], { encoding: "utf8", timeout: 120_000 })) as Readback).rows;
  const write = async (ids: number[], value: string | null, run_id: string) => {
    const sql = `select unnest(${JSON.stringify(ids)})::bigint as id`;
    const { results } = await runDuckdb(
      { views: [], steps: [{ kind: "copy", name: "silver.divided", sql, key: ["id"], to: join(root, "part.parquet") }] },
      { signal: new AbortController().signal, memory_mb: 512, threads: 2, scratch: root, directories: [root], timeout_ms: 60_000 },
    );
    return stageFile({ ...(results[0] as CopyResult).file!, table: divided, columns: [id], partition_values: { half: value }, mode: "overwrite", run_id });
  };
  const put = async (mode: "append" | "rewrite", files: StagedFile[]) => {
    fence += 1;
    return commitTable({ table: divided, mode, app_id: "divided", fence, run_id: `run-${fence}`, phase: "publish", columns: [id, half], partition_columns: ["half"], files, scratch: root });
  };
  await put("append", [await write([1, 2], "2026-01-01", "a"), await write([1, 2], null, "a")]);
  const scattered = await put("append", [await write([3], "2026-01-01", "b")]);
  const rows = [["1", "2026-01-01"], ["1", null], ["2", "2026-01-01"], ["2", null], ["3", "2026-01-01"]];
  const sorted = (found: (string | null)[][]) => found.toSorted((a, b) => (String(a) < String(b) ? -1 : 1));
  deepStrictEqual(sorted(readDivided()), sorted(rows));
  const kept = await write([1, 2], null, "a");
  const compacted = await put("rewrite", [kept, await write([1, 2, 3], "2026-01-01", "c")]);
  deepStrictEqual(sorted(readDivided()), sorted(rows));
  deepStrictEqual(sorted(readDivided(scattered.version)), sorted(rows));
  const cleaned = await vacuumTable(divided, { kept_from: compacted.version, before: new Date(Date.now() + 60_000) });
  deepStrictEqual([cleaned.removed, cleaned.kept], [2, 2]);
  deepStrictEqual(sorted(readDivided()), sorted(rows));
  console.log("delta-rs read a divided table before and after it was compacted and cleaned up");
  console.log(`delta-rs read ${newest.version + 1} versions back as they were written`);
} finally {
  await rm(root, { recursive: true, force: true });
}
