import { createHash } from "node:crypto";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { DuckDBInstance } from "@duckdb/node-api";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openStorage } from "../storage/storage.ts";
import { type CommitRequest, FencedError, commitTable } from "./commit.ts";
import { type LakeTable, commitPath, putCommit } from "./delta-log.ts";
import { deltaColumns } from "./delta-types.ts";
import { readSnapshot } from "./snapshot.ts";
import { type StagedFile, stageFile } from "./stage.ts";
import { statsText } from "./statistics.ts";
import { raceAppends } from "./testing/race-appends.ts";

let root: string;
let table: LakeTable;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "lake-"));
  table = { storage: await openStorage(pathToFileURL(root).href), path: "env/silver/partners" };
});
afterEach(() => rm(root, { recursive: true, force: true }));

const COLUMNS = deltaColumns("silver.partners", [{ name: "id", type: "BIGINT" }, { name: "name", type: "VARCHAR" }]);
const RUN_COLUMN = { name: "_run_id", type: "string", nullable: true };

async function duckdb(sql: string): Promise<Record<string, unknown>[]> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  try {
    return (await connection.runAndReadAll(sql)).getRowObjectsJson();
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** Stages one file with the rows of a SELECT. */
async function stage(sql: string, options: { mode?: "overwrite" | "append"; run_id?: string } = {}): Promise<StagedFile> {
  const file = join(root, `source-${createHash("md5").update(sql).digest("hex")}.parquet`);
  await duckdb(`copy (${sql}) to '${file}' (format parquet)`);
  const bytes = await readFile(file);
  const rows = Number((await duckdb(`select count(*) as n from '${file}'`))[0]?.["n"]);
  const { mode = "overwrite", run_id = "run-1" } = options;
  return stageFile({ table, file, sha256: createHash("sha256").update(bytes).digest("hex"), bytes: bytes.byteLength, rows, columns: COLUMNS, statistics: {}, mode, run_id });
}

function request(files: CommitRequest["files"], overrides: Partial<CommitRequest> = {}): CommitRequest {
  return { table, mode: "overwrite", app_id: "writer", fence: 1, run_id: "run-1", phase: "publish", columns: COLUMNS, partition_columns: [], files, scratch: root, ...overrides };
}

/** An independent reader: replays the JSON files alone, in order, with nothing of the code under test. */
async function replay(upTo = Infinity): Promise<{ paths: string[]; versions: number }> {
  const folder = join(root, table.path, "_delta_log");
  const names = (await readdir(folder)).filter((name) => /^\d{20}\.json$/.test(name)).toSorted();
  const live = new Set<string>();
  for (const [version, name] of names.entries()) {
    expect(Number(name.slice(0, 20))).toBe(version);
    if (version > upTo) break;
    const lines = (await readFile(join(folder, name), "utf8")).trim().split("\n").map((line) => JSON.parse(line) as Record<string, { path: string }>);
    for (const line of lines) if (line["remove"]) live.delete(line["remove"].path);
    for (const line of lines) if (line["add"]) live.add(line["add"].path);
  }
  return { paths: [...live].toSorted(), versions: names.length };
}

/** What a reader finds in the table's rows. */
async function ids(upTo?: number): Promise<number[]> {
  const { paths } = await replay(upTo);
  if (paths.length === 0) return [];
  const files = paths.map((path) => `'${join(root, table.path, path)}'`);
  return (await duckdb(`select id from read_parquet([${files}]) order by id`)).map((row) => Number(row["id"]));
}

test("an overwrite replaces the rows and every earlier version stays readable", async () => {
  const first = await commitTable(request([await stage("select i::bigint as id, 'a' as name from range(3) r(i)")]));
  const second = await commitTable(request([await stage("select 7::bigint as id, 'b' as name")], { run_id: "run-2", fence: 2, base_version: first.version }));
  expect(await ids()).toEqual([7]);
  expect(await ids(first.version)).toEqual([0, 1, 2]);
  expect((await readSnapshot(table, first.version))?.files).toEqual(first.files);
  expect((await readSnapshot(table))?.files).toEqual(second.files);
  expect(second).toMatchObject({ adopted: false, rows: 1 });
  expect((await readSnapshot(table))?.txns).toEqual({ writer: 2 });
});

test("the same content overwritten by another run is the same file with the new run's partition values", async () => {
  const sql = "select 1::bigint as id, 'a' as name";
  const columns = [...COLUMNS, RUN_COLUMN];
  const commit = async (run_id: string, fence: number) =>
    commitTable(request([await stage(sql)], { run_id, fence, columns, partition_columns: ["_run_id"], partition_values: { _run_id: run_id } }));
  const first = await commit("run-1", 1);
  const second = await commit("run-2", 2);
  expect(second.files.map((file) => file.path)).toEqual(first.files.map((file) => file.path));
  expect((await readSnapshot(table, first.version))?.files[0]?.partition_values).toEqual({ _run_id: "run-1" });
  expect((await readSnapshot(table))?.files[0]?.partition_values).toEqual({ _run_id: "run-2" });
  const lines = (await readFile(join(root, commitPath(table, second.version)), "utf8")).trim().split("\n").map((line) => JSON.parse(line) as object);
  expect(lines.some((line) => "remove" in line)).toBe(false);
});

test("identical rows appended by two runs are kept twice", async () => {
  const sql = "select 5::bigint as id, 'same' as name";
  for (const [index, run_id] of ["run-1", "run-2"].entries()) {
    await commitTable(request([await stage(sql, { mode: "append", run_id })], { mode: "append", run_id, fence: index + 1 }));
  }
  expect(await ids()).toEqual([5, 5]);
});

test("an attempt that finds its own commit adopts it and writes nothing", async () => {
  const files = [await stage("select 1::bigint as id, 'a' as name", { mode: "append" })];
  const first = await commitTable(request(files, { mode: "append", base_version: -1 }));
  const again = await commitTable(request(files, { mode: "append", base_version: -1, fence: 2 }));
  expect(again).toMatchObject({ adopted: true, version: first.version, files: first.files });
  const third = await commitTable(request(files, { mode: "append", base_version: -1, fence: 3 }));
  expect(third.version).toBe(first.version);
  expect(await ids()).toEqual([1]);
});

test("a zombie with a lower fence is fenced, also when it wakes between the fence and the commit of the next holder", async () => {
  const zombie = request([await stage("select 1::bigint as id, 'zombie' as name")], { run_id: "old", fence: 4 });
  await commitTable(request([await stage("select 2::bigint as id, 'new' as name")], { run_id: "new", fence: 5 }));
  await expect(commitTable(zombie)).rejects.toThrow(FencedError);
  await expect(commitTable(zombie)).rejects.toMatchObject({ code: "lease_lost" });
  const head = (await readSnapshot(table))!.version;
  await putCommit(table, head + 1, [{ txn: { appId: "writer", version: 6, lastUpdated: 1 } }]);
  await expect(commitTable(request([], { run_id: "new", fence: 5 }))).rejects.toMatchObject({ code: "lease_lost" });
  expect(await ids()).toEqual([2]);
});

test("what an unregistered run left is undone by the next commit on the registered base", async () => {
  const stageIds = (id: number, run_id: string) => stage(`select ${id}::bigint as id, 'x' as name`, { mode: "append", run_id });
  const registered = await commitTable(request([await stageIds(1, "r1")], { mode: "append", run_id: "r1" }));
  await commitTable(request([await stageIds(2, "r2")], { mode: "append", run_id: "r2", fence: 2, base_version: registered.version }));
  await commitTable(request([await stage("select 3::bigint as id, 'x' as name")], { run_id: "r3", fence: 3, base_version: registered.version }));
  expect(await ids()).toEqual([3]);
  const next = await commitTable(request([await stageIds(4, "r4")], { mode: "append", run_id: "r4", fence: 4, base_version: registered.version }));
  expect(await ids()).toEqual([1, 4]);
  expect(next.files).toHaveLength(2);
});

test("what another program wrote after the base is never undone", async () => {
  const base = await commitTable(request([await stage("select 1::bigint as id, 'a' as name")]));
  const foreign = await stage("select 9::bigint as id, 'foreign' as name");
  const add = { path: foreign.path, partitionValues: {}, size: foreign.byte_size, modificationTime: 1, dataChange: true };
  await putCommit(table, base.version + 1, [{ commitInfo: { engineInfo: "another program" } }, { add }]);
  const mine = await stage("select 2::bigint as id, 'b' as name", { mode: "append", run_id: "run-2" });
  await expect(commitTable(request([mine], { run_id: "run-2", fence: 2, base_version: base.version }))).rejects.toMatchObject({ code: "lake_conflict" });
  await commitTable(request([mine], { mode: "append", run_id: "run-2", fence: 2, base_version: base.version }));
  expect(await ids()).toEqual([1, 2, 9]);
});

test("a compaction undoes nothing that was committed beside it, and where the source stands stays", async () => {
  const source = { app_id: "source/a", version: 7 };
  const two = [await stage("select 1::bigint as id, 'a' as name"), await stage("select 2::bigint as id, 'b' as name")];
  const base = await commitTable(request(two, { source }));
  const together = [await stage("select * from (values (1::bigint, 'a'), (2, 'b')) v(id, name)")];
  const compacted = await commitTable(request(together, { mode: "rewrite", run_id: "run-2", fence: 2, base_version: base.version }));
  expect((await readSnapshot(table))?.txns).toMatchObject({ "source/a": 7 });
  expect(await ids()).toEqual([1, 2]);
  const other = await stage("select 3::bigint as id, 'other' as name", { mode: "append", run_id: "other" });
  await putCommit(table, compacted.version + 1, [{ add: { path: other.path, partitionValues: {}, size: other.byte_size, modificationTime: 1, dataChange: true, stats: other.stats } }]);
  await expect(commitTable(request(together, { mode: "rewrite", run_id: "run-3", fence: 3, base_version: compacted.version }))).rejects.toMatchObject({ code: "lake_conflict" });
  expect(await ids()).toEqual([1, 2, 3]);
  expect(await ids(base.version)).toEqual([1, 2]);
});

test("a crash between staging and commit leaves the table as it was", async () => {
  const before = await commitTable(request([await stage("select 1::bigint as id, 'a' as name")]));
  await stage("select 2::bigint as id, 'never committed' as name", { run_id: "run-2" });
  expect(await ids()).toEqual([1]);
  expect((await readSnapshot(table))?.version).toBe(before.version);
});

test("appends of several processes are all there, in a log without gaps", { timeout: 60_000 }, async () => {
  const [processes, each] = [4, 12];
  const { exits, paths: expected } = await raceAppends(table, { processes, each, scratch: root });
  expect(exits).toEqual([0, 0, 0, 0]);
  const log = await replay();
  expect(log.paths).toEqual(expected);
  expect((await readSnapshot(table))?.files.map((file) => file.path)).toEqual(expected);
  // One fence and one data commit each, and the first commit of all made the table.
  expect(log.versions).toBe(processes * each * 2);
});

test("checkpoints keep every version's state and the newest version equals the replayed log", { timeout: 60_000 }, async () => {
  const columns = [...COLUMNS, RUN_COLUMN];
  for (let n = 1; n <= 11; n += 1) {
    const run_id = `run-${n}`;
    const stats = statsText(n, COLUMNS, { id: { min: "9007199254740993", max: "9223372036854775807", null_count: 0 } });
    const partition_values = { _run_id: n % 3 === 0 ? null : run_id };
    const mode = n % 4 === 0 ? "overwrite" : "append";
    await commitTable(request([{ path: `part-${n}.parquet`, byte_size: n, stats }], { mode, run_id, fence: n, columns, partition_columns: ["_run_id"], partition_values }));
  }
  const files = await readdir(join(root, table.path, "_delta_log"));
  expect(files.filter((name) => name.endsWith(".checkpoint.parquet")).toSorted()).toEqual(["00000000000000000010.checkpoint.parquet", "00000000000000000020.checkpoint.parquet"]);
  const newest = (await readSnapshot(table))!;
  expect(newest.version).toBe(21);
  expect(newest.files.map((file) => file.path)).toEqual((await replay()).paths);
  expect((await readSnapshot(table, 15))!.files.map((file) => file.path)).toEqual((await replay(15)).paths);
  expect(newest.txns).toEqual({ writer: 11 });
  expect(newest.files.map((file) => [file.path, file.size, file.rows, file.partition_values["_run_id"]])).toEqual([
    ["part-10.parquet", 10, 10, "run-10"],
    ["part-11.parquet", 11, 11, "run-11"],
    ["part-8.parquet", 8, 8, "run-8"],
    ["part-9.parquet", 9, 9, null],
  ]);
  expect(newest.files[0]?.stats).toContain('"minValues":{"id":9007199254740993},"maxValues":{"id":9223372036854775807}');
  // Without the JSON files below the checkpoint the state is the same: reading starts there.
  await Promise.all(Array.from({ length: 20 }, (_, version) => rm(join(root, commitPath(table, version)))));
  expect(await readSnapshot(table)).toEqual(newest);
});

test("an append may add columns and nothing else; an overwrite may replace the schema", async () => {
  const start = await commitTable(request([await stage("select 1::bigint as id, 'a' as name")]));
  const append = (columns: { name: string; type: string }[], run_id: string, fence: number) =>
    commitTable(request([], { mode: "append", run_id, fence, base_version: start.version, columns: deltaColumns("t", columns) }));
  await expect(append([{ name: "id", type: "INTEGER" }], "r2", 2)).rejects.toMatchObject({ code: "lake_conflict", place: "env/silver/partners.id" });
  await append([{ name: "id", type: "BIGINT" }, { name: "amount", type: "DECIMAL(18,2)" }], "r3", 3);
  expect((await readSnapshot(table))?.columns.map((column) => `${column.name} ${column.type}`)).toEqual(["id long", "name string", "amount decimal(18,2)"]);
  await commitTable(request([], { run_id: "r4", fence: 4, columns: deltaColumns("t", [{ name: "id", type: "INTEGER" }]) }));
  expect((await readSnapshot(table))?.columns).toEqual([{ name: "id", type: "integer", nullable: true }]);
});

test("a table that needs a protocol, feature or setting that we do not know is refused", async () => {
  await commitTable(request([await stage("select 1::bigint as id, 'a' as name")]));
  const { version, state } = (await readSnapshot(table))!;
  const refused = async (action: Parameters<typeof putCommit>[2][number]): Promise<void> => {
    await putCommit(table, version + 1, [action]);
    await expect(readSnapshot(table)).rejects.toMatchObject({ code: "lake_unsupported" });
    await expect(commitTable(request([], { run_id: "run-2", fence: 9 }))).rejects.toMatchObject({ code: "lake_unsupported" });
    await rm(join(root, commitPath(table, version + 1)));
  };
  await refused({ protocol: { minReaderVersion: 3, minWriterVersion: 7, readerFeatures: ["deletionVectors"], writerFeatures: ["deletionVectors"] } });
  await refused({ protocol: { minReaderVersion: 1, minWriterVersion: 4 } });
  await refused({ metaData: { ...state.metadata, configuration: { "delta.columnMapping.mode": "name" } } });
  await refused({ metaData: { ...state.metadata, configuration: { "delta.appendOnly": "true" } } });
  const invariant = { type: "struct", fields: [{ name: "id", type: "long", nullable: true, metadata: { "delta.invariants": "x" } }] };
  await refused({ metaData: { ...state.metadata, schemaString: JSON.stringify(invariant) } });
  expect((await readSnapshot(table))?.version).toBe(version);
});

test("any order of holders, crashes and retries ends with the registered rows alone", { timeout: 120_000 }, async () => {
  const step = fc.record({ mode: fc.constantFrom<"append" | "overwrite">("append", "overwrite"), registers: fc.boolean(), retries: fc.integer({ min: 0, max: 2 }) });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 4 }), async (steps) => {
      const here: LakeTable = { storage: table.storage, path: `random/${crypto.randomUUID()}` };
      let registered = -1;
      let fence = 0;
      let expected: string[] = [];
      for (const [index, { mode, registers, retries }] of steps.entries()) {
        const file = { path: `f${index}.parquet`, byte_size: 1, stats: '{"numRecords":1}' };
        const versions = new Set<number>();
        for (let attempt = 0; attempt <= retries; attempt += 1) {
          fence += 1;
          const done = await commitTable(request([file], { table: here, mode, fence, run_id: `r${index}`, base_version: registered }));
          versions.add(done.version);
          expect(done.adopted).toBe(attempt > 0);
        }
        expect(versions.size).toBe(1);
        if (registers) {
          registered = [...versions][0]!;
          expected = mode === "append" ? [...expected, file.path] : [file.path];
          expect((await readSnapshot(here, registered))!.files.map(({ path }) => path)).toEqual(expected.toSorted());
        }
      }
    }),
    { numRuns: 25 },
  );
});
