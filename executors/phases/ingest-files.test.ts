import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { checkSpec } from "../../contracts/check-spec.ts";
import type { PipelineSpec } from "../../contracts/pipeline.ts";
import { startServer, type ReceivedRequest, type TestingServer } from "../core/testing-server.ts";
import { runDuckdb } from "../engines/duckdb.ts";
import { type Environment, newEnvironment, runSpec, type RunOptions } from "./testing/run-spec.ts";

let folder: string;
let drop: string;
let server: TestingServer;
let answer: Parameters<typeof startServer>[0];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "files of a source "));
  drop = join(folder, "drop");
  await mkdir(join(drop, "orders"), { recursive: true });
  server = await startServer((request, response, count) => answer(request, response, count));
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

const environment = (): Environment => newEnvironment(pathToFileURL(`${folder}/`), { drop: pathToFileURL(drop).href, api: `${server.url}/v1` });
const put = async (name: string, content: string | Uint8Array): Promise<void> => {
  await mkdir(join(drop, name, ".."), { recursive: true });
  await writeFile(join(drop, name), content);
};
function landing(table: Record<string, unknown>, source = "file"): PipelineSpec {
  const config = { source, connection: source === "http" ? "api" : "drop", tables: [{ name: "t", format: "csv", ...table }] };
  const { spec, errors } = checkSpec({ version: 1, name: "land", parameters: { type: "object", properties: { day: { type: "string" } } }, phases: [{ name: "land", type: "ingest", config }, { name: "publish", type: "publish", depends_on: ["land"] }] });
  if (spec === null) throw new Error(JSON.stringify(errors));
  return spec;
}
/** The rows of the newest version, in their order, without the columns that hold times and runs. */
async function rows(where: Environment, dataset = "bronze.t"): Promise<unknown[]> {
  const { spec, errors } = checkSpec({ version: 1, name: "ask", phases: [{ name: "ask", type: "query", config: { inputs: [dataset], sql: `select * exclude (_run_id, _ingested_at) from ${dataset} order by all`, sample_rows: 1000 } }] });
  if (spec === null) throw new Error(JSON.stringify(errors));
  const asked = await runSpec(where, spec);
  return (JSON.parse(await asked.artifacts.get("ask.result.json")!.text()) as { sample: unknown[] }).sample;
}
const typesOf = (where: Environment, dataset = "bronze.t") => Object.fromEntries(where.datasets.get(dataset)!.at(-1)!.columns.map(({ name, type }) => [name, type]));
const land = (where: Environment, table: Record<string, unknown>, options: RunOptions & { source?: string } = {}) => runSpec(where, landing(table, options.source), options);

const orders = { path: "orders/*.csv", key: ["id"], columns: [{ name: "id", type: "bigint" }, { name: "total", type: "decimal(18,2)", from: "Order Total" }, { name: "at", type: "timestamp" }, { name: "note", type: "text" }] };

test("files of a folder land by their header's names, in key order, the same for any threads and file order, and money stays exact", async () => {
  const where = environment();
  await put("orders/2.csv", '\ufeffnote,Order Total,id,at\r\n"two\nlines",1234567890123456.78,2,2026-01-02T03:04:05Z\r\n');
  await put("orders/1.csv", "id,Order Total,ignored,note,at\n3,0.10,x,,\n1,-5,y,plain,2026-01-01 00:00:00\n");
  await put("orders/3.csv.txt", "not matched");
  const first = await land(where, orders);
  expect(await rows(where)).toEqual([["1", "-5.00", "2026-01-01 00:00:00+00", "plain"], ["2", "1234567890123456.78", "2026-01-02 03:04:05+00", "two\nlines"], ["3", "0.10", null, null]]);
  expect(typesOf(where)).toMatchObject({ id: "long", total: "decimal(18,2)", at: "timestamp", note: "string" });
  const again = await runSpec(environment(), landing(orders), { threads: 1 });
  expect(again.hashes["land"]).toBe(first.hashes["land"]);
});

test("files that have not changed are not landed again, changed ones are, and a repeat lands what was recorded", async () => {
  const where = environment();
  await put("same/a.csv", "id,v\n1,a\n");
  const table = { path: "same/*.csv", key: ["id"] };
  const first = await land(where, table);
  const second = await land(where, table);
  expect([second.metrics["land"], where.datasets.get("bronze.t")!.length]).toEqual([expect.objectContaining({ unchanged: 1, tables: 0 }), 1]);
  await put("same/a.csv", "id,v\n1,b\n");
  await land(where, table);
  expect(where.datasets.get("bronze.t")!.length).toBe(2);
  expect(await rows(where)).toEqual([["1", "b"]]);
  const verified = await land(where, table, { repeats: first, isolated: true, threads: 1 });
  expect(verified.hashes).toEqual(first.hashes);
  await land(where, { ...table, columns: [{ name: "id", type: "text" }, { name: "v", type: "text" }] });
  expect(where.datasets.get("bronze.t")!.length, "another type is another table").toBe(3);
});

test("an attempt that died between staging and registering loses and doubles nothing", async () => {
  const where = environment();
  await put("killed/a.csv", "id\n1\n2\n");
  const table = { path: "killed/a.csv", key: ["id"] };
  let record: Awaited<ReturnType<typeof runSpec>> | undefined;
  await expect(land(where, table, { publishFails: true, onStart: (started) => { record = started; } })).rejects.toThrow("went away");
  await put("killed/a.csv", "id\n1\n2\n3\n");
  await land(where, table, { attempt_of: record! });
  expect(await rows(where)).toEqual([["1"], ["2"]]);
  await land(where, table);
  expect(await rows(where)).toEqual([["1"], ["2"], ["3"]]);
});

test("types that nobody lists are those that every value has, and what only looks like a number stays text", async () => {
  const where = environment();
  await put("infer.csv", "zip,n,big,price,rate,day,at,ok,word,none\n0123,1,99999999999999999999,1.5,1e3,2026-01-01,2026-01-01T00:00:00Z,true,a,\n1000,-2,1,2,2.5,2026-02-28,2026-01-01 10:00:00+02,false,1,\n");
  await land(where, { path: "infer.csv" });
  expect(typesOf(where)).toMatchObject({ zip: "string", n: "long", big: "decimal(38,9)", price: "decimal(38,9)", rate: "double", day: "date", at: "timestamp", ok: "boolean", word: "string", none: "string", _file: "string", _row: "long" });
  await put("infer.json", '[{"id":1,"price":12345678901234567.89,"tags":["a", "b\\n"],"code":"007","x":null},\n{"id":2,"price":1e2,"extra":{"n":1.10},"code":"1"}]');
  await land(where, { name: "j", path: "infer.json", format: "json", key: ["id"], columns: [{ name: "id", type: "bigint" }, { name: "price", type: "decimal(38,2)" }, { name: "tags", type: "text" }, { name: "extra", type: "text" }] });
  expect(await rows(where, "bronze.j")).toEqual([["1", "12345678901234567.89", '["a", "b\\n"]', null], ["2", "100.00", null, '{"n":1.10}']]);
  await land(where, { name: "k", path: "infer.json", format: "json", key: ["id"] });
  expect(typesOf(where, "bronze.k")).toMatchObject({ id: "long", price: "double", tags: "string", code: "string", x: "string", extra: "string" });
});

test("rows that do not fit fail with file, line and column and without their values, and nothing lands", async () => {
  const where = environment();
  await put("bad/a.csv", 'id,total\n1,"1\n2"\n2,secret-value\n');
  await put("bad/b.csv", "id,total\n3,1\n4\n5,1,2\n");
  const columns = [{ name: "id", type: "bigint" }, { name: "total", type: "decimal(18,2)" }];
  const failure = await land(where, { path: "bad/*.csv", key: ["id"], columns }).then(() => { throw new Error("passed"); }, (error: Error & { code: string }) => error);
  expect(failure).toMatchObject({ code: "source_rows_invalid", retryable: false });
  expect(failure.message).toContain("bad/a.csv, line 4, column 3 (total): is no decimal(18,2)");
  expect(failure.message).toMatch(/bad\/b\.csv, line 3, .*too few values/);
  expect(failure.message).not.toContain("secret");
  expect(where.datasets.size).toBe(0);
  for (const [text, place] of [['[{"id":1},\n{"id":2}', "line 2"], ['[{"id":1},\n17]', "line 2"], ['{"id":1}\n{"id":}', "line 2"], ['[{"id":1}] x', "line 1"]] as const) {
    await put("bad.json", text);
    await expect(land(where, { path: "bad.json", format: "json", key: ["id"] }), text).rejects.toMatchObject({ code: "source_rows_invalid", place: `bad.json, ${place}` });
  }
});

test("rows that do not fit go to a table of their own where they may, with file, row and reason", async () => {
  const where = environment();
  await put("mixed/a.csv", "id,total\n1,1.25\nx,y\n3\n");
  await put("mixed/b.ndjson", '{"id":7,"total":"much"}\n{"id":8,"total":2}\n');
  const columns = [{ name: "id", type: "bigint" }, { name: "total", type: "decimal(18,2)" }];
  const made = await land(where, { path: "mixed/a.csv", key: ["id"], columns, bad_rows: "quarantine" });
  expect(made.metrics["land"]).toMatchObject({ rejected: 2, rows: 3 });
  expect(await rows(where)).toEqual([["1", "1.25"]]);
  expect(await rows(where, "bronze.t__rejected")).toEqual([["mixed/a.csv", "2", "id: cast; total: cast", "x,y"], ["mixed/a.csv", "3", "missing columns", "3"]]);
  await land(where, { name: "n", path: "mixed/b.ndjson", format: "ndjson", key: ["id"], columns, bad_rows: "quarantine" });
  expect(await rows(where, "bronze.n")).toEqual([["8", "2.00"]]);
  expect(await rows(where, "bronze.n__rejected")).toEqual([["mixed/b.ndjson", "1", "total: cast", '1,"7","much"']]);
});

test("a merge replaces the rows of its keys, keeps the others and gives the same table twice; a parameter is one part of a path", async () => {
  const where = environment();
  const table = { path: "days/${{ parameters.day }}.csv", key: ["id"], mode: "merge" };
  await put("days/1.csv", "id,v\n1,a\n2,b\n");
  await put("days/2.csv", "id,v\n2,c\n3,d\n");
  for (const day of ["1", "2", "2"]) await land(where, table, { parameters: { day } });
  expect(await rows(where)).toEqual([["1", "a"], ["2", "c"], ["3", "d"]]);
  const [, second, third] = where.datasets.get("bronze.t")!;
  expect(third ?? second).toMatchObject({ content_sha256: second!.content_sha256 });
  for (const day of ["../days/1", "*"]) await expect(land(where, table, { parameters: { day } }), day).rejects.toMatchObject({ code: "invalid_parameters" });
  for (const day of ["..", ""]) await expect(land(where, { ...table, path: "days/${{ parameters.day }}/1.csv" }, { parameters: { day } }), day).rejects.toMatchObject({ code: "invalid_parameters" });
  await put("days/3.csv", "id,v\n2,c\n3,d\nx,e\n");
  await expect(land(where, table, { parameters: { day: "3" } })).rejects.toMatchObject({ code: "lake_conflict" });
});

test("nothing outside the connection's folder is read, whatever links lie in it", async () => {
  await writeFile(join(folder, "secret.csv"), "id\n1\n");
  await symlink(join(folder, "secret.csv"), join(drop, "link.csv"));
  await symlink(folder, join(drop, "up"));
  const table = (path: string) => land(environment(), { path, key: ["id"] });
  await expect(table("link.csv")).rejects.toMatchObject({ code: "source_path_refused" });
  await expect(table("*.csv")).rejects.toMatchObject({ code: "source_path_refused" });
  await expect(table("up/secret.csv")).rejects.toMatchObject({ code: "source_path_refused" });
  await expect(table("up/*.csv")).rejects.toMatchObject({ code: "source_table_missing" });
  await expect(table("**/secret.csv")).rejects.toMatchObject({ code: "source_table_missing" });
  expect(checkSpec({ version: 1, name: "x", phases: [{ name: "l", type: "ingest", config: { source: "file", connection: "drop", tables: [{ name: "t", format: "csv", path: "a/../../x.csv" }] } }] }).errors[0]).toMatchObject({ path: "/phases/0/config/tables/0/path" });
  await rm(join(drop, "link.csv"));
  await rm(join(drop, "up"));
});

test("Parquet lands with its types, columns that some files lack being null, and what a lake lacks in a type that holds it", async () => {
  const where = environment();
  await mkdir(join(drop, "pq"), { recursive: true });
  const copy = (name: string, sql: string) => ({ kind: "copy" as const, name, sql, key: null, to: join(drop, "pq", `${name}.parquet`) });
  await runDuckdb({ views: [], steps: [copy("a", "select 1::bigint as id, 1.5::decimal(18,2) as total, timestamp '2026-01-01 10:00:00' as at, [1, 2] as list"), copy("b", "select 2::bigint as id, 2.5::decimal(18,2) as total, null::timestamp as at, 'x' as late")] },
    { signal: new AbortController().signal, memory_mb: 256, threads: 1, scratch: folder, directories: [join(drop, "pq")], timeout_ms: 60_000 });
  await land(where, { path: "pq/*.parquet", format: "parquet", key: ["id"] });
  expect(typesOf(where)).toMatchObject({ id: "long", total: "decimal(18,2)", at: "timestamp", list: "string", late: "string" });
  expect(await rows(where)).toEqual([["1", "1.50", "2026-01-01 10:00:00+00", "[1, 2]", null], ["2", "2.50", null, null, "x"]]);
  await land(where, { name: "u", path: "pq/*.parquet", format: "parquet" });
  expect((await rows(where, "bronze.u")).map((row) => (row as unknown[]).slice(-2))).toEqual([["pq/a.parquet", "1"], ["pq/b.parquet", "1"]]);
});

test("gzip is unpacked, other encodings and formats of numbers and dates are read as they say, and a wrong one is refused", async () => {
  const where = environment();
  const csv = { delimiter: ";", encoding: "windows-1252", decimal_separator: ",", date_format: "%d.%m.%Y" };
  const columns = [{ name: "id", type: "bigint" }, { name: "city", type: "text" }, { name: "total", type: "decimal(18,2)" }, { name: "day", type: "date" }];
  await put("win.csv.gz", gzipSync(Buffer.from("id;city;total;day\n1;K\u00f6ln;1234,56;31.12.2025\n", "latin1")));
  await land(where, { path: "win.csv.gz", key: ["id"], csv, columns });
  expect(await rows(where)).toEqual([["1", "Köln", "1234.56", "2025-12-31"]]);
  await expect(land(where, { path: "win.csv.gz", key: ["id"], csv: { ...csv, encoding: "utf-8" }, columns })).rejects.toMatchObject({ code: "source_rows_invalid" });
  await put("cut.csv.gz", gzipSync("id\n1\n").subarray(0, 12));
  await expect(land(where, { path: "cut.csv.gz", key: ["id"] })).rejects.toMatchObject({ code: "source_rows_invalid" });
});

test("a file over http is asked for once more after failures, read again where the line broke, and not read where its ETag stands", async () => {
  const where = environment();
  let version = 1;
  answer = (request, response, count) => {
    if (count === 1) return void response.writeHead(503, { "retry-after": "0" }).end();
    const content = `id,v\n1,${"x".repeat(100_000)}${version}\n`;
    response.writeHead(200, { etag: `"v${version}"`, "content-length": content.length });
    if (count === 2) return void response.write(content.slice(0, 5000), () => response.destroy());
    response.end(content);
  };
  const table = { path: "export.csv?all=1", key: ["id"] };
  await land(where, table, { source: "http" });
  expect(server.received.map(({ path, headers }) => [path, headers["if-match"]])).toEqual([["/v1/export.csv?all=1", undefined], ["/v1/export.csv?all=1", undefined], ["/v1/export.csv?all=1", '"v1"']]);
  expect((await land(where, table, { source: "http" })).metrics["land"]).toMatchObject({ unchanged: 1 });
  version = 2;
  await land(where, table, { source: "http" });
  expect(where.datasets.get("bronze.t")!.length).toBe(2);
});

const item = (id: number) => ({ id, total: `${id}.50` });
const query = (request: ReceivedRequest) => new URL(request.path, "http://x").searchParams;
const pagings: [string, Record<string, unknown>, Parameters<typeof startServer>[0]][] = [
  ["numbers", { by: "page", size_parameter: "size", size: 2 }, (request, response) => {
    const page = Number(query(request).get("page"));
    response.end(JSON.stringify({ data: { rows: [2 * page - 1, 2 * page].filter((id) => id <= 5).map(item) } }));
  }],
  ["offsets", { by: "offset", size: 2 }, (request, response) => {
    const offset = Number(query(request).get("offset"));
    response.end(JSON.stringify({ data: { rows: [offset + 1, offset + 2].filter((id) => id <= 5).map(item) } }));
  }],
  ["cursors", { by: "cursor", parameter: "after", next: "data.next" }, (request, response) => {
    const after = Number(query(request).get("after") ?? 0);
    response.end(JSON.stringify({ data: { rows: [after + 1, after + 2].filter((id) => id <= 5).map(item), next: after < 4 ? after + 2 : null } }));
  }],
  ["links", { by: "link" }, (request, response) => {
    const at = Number(query(request).get("p") ?? 0);
    response.writeHead(200, at < 2 ? { link: `<http://other/>; rel="prev", </v1/list?p=${at + 1}>; rel="next"` } : {}).end(JSON.stringify({ data: { rows: [2 * at + 1, 2 * at + 2].filter((id) => id <= 5).map(item) } }));
  }],
];
test.each(pagings)("all pages of an answer land that goes on by %s, and not again while they say the same", async (_, pages, serve) => {
  const where = environment();
  answer = serve;
  const table = { path: "list", format: "json", records: "data.rows", pages, key: ["id"], columns: [{ name: "id", type: "bigint" }, { name: "total", type: "decimal(18,2)" }] };
  await land(where, table, { source: "http" });
  expect(await rows(where)).toEqual([1, 2, 3, 4, 5].map((id) => [String(id), `${id}.50`]));
  expect((await land(where, table, { source: "http" })).metrics["land"]).toMatchObject({ unchanged: 1 });
});

test("pages that lead elsewhere, round in a circle or on for ever end the phase, and a secret goes nowhere else", async () => {
  const where = environment();
  const pages = (pages: Record<string, unknown>) => land(where, { path: "list", format: "json", pages }, { source: "http" });
  answer = (_, response) => void response.writeHead(200, { link: "<http://127.0.0.2/steal>; rel=next" }).end("[]");
  await expect(pages({ by: "link" })).rejects.toMatchObject({ code: "source_path_refused" });
  answer = (_, response) => void response.writeHead(200, { link: "</v1/list>; rel=next" }).end("[]");
  await expect(pages({ by: "link" })).rejects.toMatchObject({ code: "source_failed" });
  answer = (_, response) => void response.end('[{"id":1}]');
  await expect(pages({ by: "page", max_pages: 3 })).rejects.toThrow("more than 3 pages");
});

test("a row that moved to a later page while they were read counts once, as it was last", async () => {
  const where = environment();
  answer = (request, response) => void response.end(JSON.stringify([[{ id: 1, v: "a" }, { id: 2, v: "old" }], [{ id: 2, v: "new" }, { id: 3, v: "c" }], []][Number(query(request).get("page")) - 1]));
  await land(where, { path: "list", format: "json", pages: { by: "page" }, key: ["id"] }, { source: "http" });
  expect(await rows(where)).toEqual([["1", "a"], ["2", "new"], ["3", "c"]]);
});

test("what a server refuses, or is not there, is said with a code and no secret", async () => {
  const where = { ...environment(), connections: { api: `${server.url.replace("http://", "http://me:s3cret@")}/v1` } };
  for (const [status, code] of [[401, "source_auth_failed"], [404, "source_table_missing"], [302, "source_failed"]] as const) {
    answer = (_, response) => void response.writeHead(status, { location: "http://169.254.169.254/" }).end();
    const failure = await land(where, { path: "x.csv", key: ["id"] }, { source: "http" }).then(() => { throw new Error("passed"); }, (error: Error) => error);
    expect(failure).toMatchObject({ code });
    expect(failure.message).not.toMatch(/s3cret|127\.0/);
  }
  answer = (_, response) => void response.writeHead(404).end();
  expect((await land(where, { path: "x.csv", key: ["id"], optional: true }, { source: "http" })).outputs.get("land")!.facts).toMatchObject({ missing: ["t"] });
});

test("memory stays small for a file that is larger than it", async () => {
  const where = environment();
  const line = (id: number): string => `{"id":${id},"text":"${createHash("sha256").update(String(id)).digest("hex").repeat(4)}"}\n`;
  const part = Array.from({ length: 20_000 }, (_, id) => line(id)).join("");
  await put("large.ndjson", part);
  const before = process.memoryUsage().arrayBuffers;
  await land(where, { path: "large.ndjson", format: "ndjson", key: ["id"], columns: [{ name: "id", type: "bigint" }, { name: "text", type: "text" }] });
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(part.length);
  expect(where.datasets.get("bronze.t")![0]).toMatchObject({ row_count: "20000" });
});
