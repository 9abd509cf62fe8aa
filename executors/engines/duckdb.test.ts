import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { spawnLimited } from "./child.ts";
import { type DuckdbJob, type DuckdbOptions, runDuckdb } from "./duckdb.ts";
import type { CopyResult, EngineStep, QueryResult } from "./duckdb-job.ts";

let root: string;
let inside: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "duckdb engine's "));
  inside = join(root, "inside");
  await mkdir(inside);
  await writeFile(join(root, "outside.csv"), "secret\n1\n");
});
afterAll(() => rm(root, { recursive: true, force: true }));

function run(job: Partial<DuckdbJob>, options: Partial<DuckdbOptions> = {}) {
  return runDuckdb(
    { views: [], steps: [], ...job },
    { signal: new AbortController().signal, memory_mb: 512, threads: 2, scratch: root, directories: [inside], timeout_ms: 60_000, ...options },
  );
}
const query = (sql: string, max_rows = 100): EngineStep => ({ kind: "query", name: "q", sql, max_rows });
const copy = (sql: string, key: string[] | null, file: string, name = "silver.t"): EngineStep => ({ kind: "copy", name, sql, key, to: join(inside, file) });
async function rows(sql: string): Promise<Record<string, unknown>[]> {
  return ((await run({ steps: [query(sql)] })).results[0] as QueryResult).rows;
}

test("a copy reports rows, bytes, hash, types and statistics of the file that it wrote", async () => {
  const sql = `select i::bigint as id, 9223372036854775807 - i as big, (i * 1.25)::decimal(18,2) as amount, 'ü' || i as name,
    case when i % 4 = 0 then null else date '2024-01-01' + i::integer end as day from range(1000) r(i); -- trailing comment`;
  const { results, engine_version } = await run({ steps: [copy(sql, ["id"], "a.parquet")] });
  const result = results[0] as CopyResult;
  const bytes = await readFile(join(inside, "a.parquet"));
  expect(result).toMatchObject({ rows: 1000, bytes: bytes.byteLength, file: { sha256: createHash("sha256").update(bytes).digest("hex") } });
  expect(result.columns).toEqual([
    { name: "id", type: "BIGINT" },
    { name: "big", type: "BIGINT" },
    { name: "amount", type: "DECIMAL(18,2)" },
    { name: "name", type: "VARCHAR" },
    { name: "day", type: "DATE" },
  ]);
  expect(result.file?.statistics["big"]).toEqual({ min: "9223372036854774808", max: "9223372036854775807", null_count: 0 });
  expect(result.file?.statistics["amount"]).toEqual({ min: "0.00", max: "1248.75", null_count: 0 });
  expect(result.file?.statistics["day"]?.null_count).toBe(250);
  expect(engine_version).toMatch(/^v1\.5\./);
  expect((await readdir(root)).filter((name) => name.startsWith("duckdb-"))).toEqual([]);
});

test("the types are those of the rows, also where Parquet has none", async () => {
  const { results } = await run({ steps: [copy("select 1 as id, sum(i) as total, '{}'::json as doc from range(3) r(i)", ["id"], "t.parquet")] });
  expect((results[0] as CopyResult).columns.map((column) => column.type)).toEqual(["INTEGER", "HUGEINT", "JSON"]);
});

test("the bytes of a file do not depend on the number of threads", async () => {
  const sql = `select (i * 7919) % 400000 as id, i % 13 as company, ((i * 37) % 1000003 / 100.0)::decimal(18,2) as amount, md5(i::varchar) as name
    from range(400000) r(i)`;
  const grouped = "select company, sum(amount) as amount, count(*) as lines, max(name) as last from silver.t group by company";
  const hashes = new Set<string>();
  for (const threads of [1, 2, 4]) {
    const first = copy(sql, ["id"], `d${threads}.parquet`) as Extract<EngineStep, { kind: "copy" }>;
    const { results } = await run({ steps: [{ ...first, define_view: true }, copy(grouped, ["company"], `g${threads}.parquet`, "gold.g")] }, { threads });
    hashes.add(results.map((result) => (result as CopyResult).file?.sha256).join());
  }
  expect(hashes.size).toBe(1);
});

test("bigint and DECIMAL come as text, what JSON has no word for as well", async () => {
  expect(await rows("select 9007199254740993::bigint as b, 1.10::decimal(18,2) as d, 7::integer as i, true as t, null as n, 'NaN'::double as x, timestamptz '2024-02-29 12:00:00.5+02' as at, date '2024-02-29' as day")).toEqual([
    { b: "9007199254740993", d: "1.10", i: 7, t: true, n: null, x: "NaN", at: "2024-02-29 10:00:00.5+00", day: "2024-02-29" },
  ]);
});

test("views unite files of different columns with constants, and a table without files is empty", async () => {
  await run({ steps: [copy("select 1 as id, 'a' as name", ["id"], "v1.parquet"), copy("select 2 as id, 'b' as name, 5 as extra", ["id"], "v2.parquet")] });
  const columns = [{ name: "id", type: "INTEGER" }, { name: "name", type: "VARCHAR" }, { name: "extra", type: "INTEGER" }, { name: "_run_id", type: "VARCHAR" }];
  const part = (file: string, value: string | null) => ({ files: [join(inside, file)], constants: [{ name: "_run_id", type: "VARCHAR", value }] });
  const { results } = await run({
    views: [{ name: "bronze.t", columns, parts: [part("v1.parquet", "it's"), part("v2.parquet", null)] }, { name: "bronze.empty", columns, parts: [] }],
    variables: { as_of: "2024-01-31", "odd'name": null },
    steps: [query("from bronze.t order by id"), query("select count(*) as n from bronze.empty"), query("select getvariable('as_of') as a, getvariable('odd''name') as b, getvariable('never') as c")],
  });
  expect((results[0] as QueryResult).rows).toEqual([
    { id: 1, name: "a", extra: null, _run_id: "it's" },
    { id: 2, name: "b", extra: 5, _run_id: null },
  ]);
  expect((results[1] as QueryResult).rows).toEqual([{ n: "0" }]);
  expect((results[2] as QueryResult).rows).toEqual([{ a: "2024-01-31", b: null, c: null }]);
});

test("a query stops at its number of rows and says so", async () => {
  const { results } = await run({ steps: [query("select i from range(1000000000) r(i)", 10)] });
  expect(results[0]).toMatchObject({ truncated: true });
  expect((results[0] as QueryResult).rows).toHaveLength(10);
});

test.each([
  ["reading a file", (dir: string) => `select * from read_csv('${dir}/outside.csv')`],
  ["reading by a way around", (dir: string) => `select * from read_text('${dir}/inside/../outside.csv')`],
  ["naming a file as a table", (dir: string) => `select * from '${dir}/outside.csv'`],
  ["reading a system file", () => "select * from read_text('/etc/passwd')"],
  ["listing a folder", () => "select * from glob('/etc/*')"],
  ["reading the web", () => "select * from read_csv('https://example.com/x.csv')"],
  ["reading the environment", () => "select getenv('PATH')"],
  ["writing", (dir: string) => `copy (select 1) to '${dir}/stolen.csv'`],
  ["writing even where allowed", (dir: string) => `copy (select 1) to '${dir}/inside/stolen.csv'`],
  ["attaching", (dir: string) => `attach '${dir}/x.db'`],
  ["installing", () => "install httpfs"],
  ["loading", () => "load httpfs"],
  ["reading bytes", () => "select * from read_blob('/etc/hostname')"],
  ["reading JSON", () => "select * from read_json('/etc/hostname')"],
  ["reading lines of a device", () => "select * from read_csv('/dev/stdin')"],
  ["reading its own process", () => "select * from read_text('/proc/self/environ')"],
  ["reading its parent's process", () => `select * from read_text('/proc/${process.pid}/environ')`],
  ["reading by a file address", () => "select * from read_text('file:///etc/passwd')"],
  ["reading by a pattern", (dir: string) => `select * from read_text('${dir}/*.csv')`],
  ["guessing a CSV", (dir: string) => `select * from sniff_csv('${dir}/outside.csv')`],
  ["reading S3", () => "select * from read_parquet('s3://bucket/x.parquet')"],
  ["reading Parquet's own description", (dir: string) => `select * from parquet_metadata('${dir}/outside.csv')`],
  ["a query in a query", (dir: string) => `select * from query('select * from read_csv(''${dir}/outside.csv'')')`],
  ["a file named by query_table", (dir: string) => `select * from query_table('${dir}/outside.csv')`],
  ["making a secret", () => "create secret s (type s3, key_id 'x', secret 'y')"],
  ["attaching another database", () => "attach 'postgres:host=127.0.0.1' as p (type postgres)"],
  ["copying in", (dir: string) => `copy t from '${dir}/outside.csv'`],
  ["exporting", (dir: string) => `export database '${dir}/inside/out'`],
  ["importing", (dir: string) => `import database '${dir}/inside/out'`],
  ["a pragma", () => "pragma database_list"],
  ["a procedure", () => "call pragma_version()"],
  ["preparing a statement", () => "prepare p as select 1"],
  ["installing from a repository", () => "force install spatial from 'http://127.0.0.1/'"],
  ["unlocking the configuration", () => "set lock_configuration = false"],
  ["more memory", () => "set memory_limit = '1TB'"],
  ["another temp directory", () => "set temp_directory = '/tmp'"],
  ["a log file", () => "set enable_logging = true"],
  ["opening the sandbox", () => "set allowed_directories = ['/']"],
  ["resetting the sandbox", () => "reset enable_external_access"],
  ["a second statement", () => "select 1; select 2"],
  ["a statement that breaks out", (dir: string) => `select 1) to '${dir}/inside/stolen.csv'; --`],
])("the sandbox refuses %s", async (_what, sql) => {
  const escaped = root.replaceAll("'", "''");
  await expect(run({ steps: [copy(sql(escaped), [], "refused.parquet")] })).rejects.toMatchObject({ code: "sql_error" });
  expect(existsSync(join(root, "stolen.csv")) || existsSync(join(inside, "stolen.csv"))).toBe(false);
});

test("an error of SQL names the table and the author's own line", async () => {
  const failing = run({ steps: [copy("select 1 as id,\n\n  nope\nfrom range(3)", ["id"], "e.parquet", "silver.partners")] });
  await expect(failing).rejects.toMatchObject({ code: "sql_error", place: "silver.partners, line 3" });
  await expect(failing).rejects.toThrow("nope");
  const casting = run({ steps: [copy("select ('x' || i)::integer as id from range(3) r(i)", ["id"], "e.parquet", "silver.cast")] });
  await expect(casting).rejects.toMatchObject({ code: "sql_error", place: "silver.cast, line 1" });
  await expect(casting).rejects.not.toThrow("'x0'");
});

test("a key that is not unique is refused", async () => {
  const failing = run({ steps: [copy("select i % 5 as id from range(10) r(i)", ["id"], "k.parquet")] });
  await expect(failing).rejects.toMatchObject({ code: "key_not_unique" });
  await expect(failing).rejects.toThrow("5 values of the key (id)");
});

const forever = "select count(*) as n from range(100000000000) a(i) where i % 7 = 3";

test("abort interrupts a running query at once", async () => {
  const controller = new AbortController();
  let started = 0;
  const running = run({ steps: [query(forever)] }, { signal: controller.signal, onStep: () => {
    started = Date.now();
    controller.abort(new Error("canceled by a person"));
  } });
  await expect(running).rejects.toThrow("canceled by a person");
  expect(Date.now() - started).toBeLessThan(1900);
});

test("a query past its time is stopped as a timeout", async () => {
  await expect(run({ steps: [query(forever)] }, { timeout_ms: 1500 })).rejects.toMatchObject({ code: "timeout", retryable: true });
});

test("a child that neither stops nor ends on SIGTERM is killed: none survives its caller's abort", async () => {
  const controller = new AbortController();
  let pids: number[] = [];
  const running = run({ steps: [query(forever)] }, { signal: controller.signal, onStep: () => void engineChildren().then((found) => {
    pids = found;
    // A stopped process answers no request and no SIGTERM: only SIGKILL ends it.
    for (const pid of found) process.kill(pid, "SIGSTOP");
    controller.abort(new Error("canceled by a person"));
  }) });
  await expect(running).rejects.toThrow("canceled by a person");
  expect(pids).toHaveLength(1);
  expect(await engineChildren()).toEqual([]);
});

test("too little memory is engine_memory", async () => {
  const sql = "select list(i::varchar || repeat('x', 1000)) as l from range(10000000) r(i)";
  await expect(run({ steps: [query(sql)] }, { memory_mb: 64 })).rejects.toMatchObject({ code: "engine_memory" });
});

test("a child that is killed is engine_crashed", async () => {
  const marker = `crash-${process.pid}`;
  const killed = run(
    { steps: [{ ...query(forever), name: marker } as EngineStep] },
    { onStep: () => void killChildren() },
  );
  await expect(killed).rejects.toMatchObject({ code: "engine_crashed", retryable: true });
});

async function engineChildren(): Promise<number[]> {
  const children = (await readFile(`/proc/self/task/${process.pid}/children`, "utf8").catch(() => "")).trim().split(" ").map(Number);
  const lines = await Promise.all(children.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")));
  return children.filter((_, index) => lines[index]?.includes("duckdb-child"));
}

async function killChildren(): Promise<void> {
  for (const pid of await engineChildren()) process.kill(pid, "SIGKILL");
}

test.runIf(process.getuid?.() === 0)("as another user a child writes only where it was let, and may read no file of ours that others may not", async () => {
  const user = { uid: 65534, gid: 65534 };
  await chmod(root, 0o711);
  const secret = join(inside, "ours.csv");
  await writeFile(secret, "secret\n1\n", { mode: 0o600 });
  const folder = join(root, "theirs");
  await mkdir(folder);
  const step: EngineStep = { kind: "copy", name: "silver.t", sql: "select 1 as id", key: ["id"], to: join(folder, "x.parquet") };
  await run({ steps: [step] }, { user, directories: [folder] });
  expect(await stat(join(folder, "x.parquet"))).toMatchObject(user);
  await expect(run({ steps: [query(`select * from read_csv('${secret.replaceAll("'", "''")}')`)], read_files: [secret] }, { user, directories: [folder] })).rejects.toThrow(/Permission denied|Cannot open file/);
});

test.runIf(process.platform === "linux")("a child has no environment, dumps no core and has a limit on its CPU time", async () => {
  const child = spawnLimited(["-e", "console.log(JSON.stringify({ env: Object.keys(process.env), limits: require('node:fs').readFileSync('/proc/self/limits', 'utf8') }))"], { cwd: root, cpu_seconds: 77 });
  const { env, limits } = JSON.parse(await text(child.stdout as Readable)) as { env: string[]; limits: string };
  expect(env).toEqual([]);
  expect(limits).toMatch(/Max core file size +0 /);
  expect(limits).toMatch(/Max cpu time +77 /);
});
