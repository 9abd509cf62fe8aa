import { DuckDBInstance } from "@duckdb/node-api";
import { beforeAll, expect, test } from "vitest";
import { rowByRow } from "./row-by-row.ts";

let parse: (sql: string) => Promise<ReturnType<typeof rowByRow>>;
beforeAll(async () => {
  const db = await (await DuckDBInstance.create(":memory:")).connect();
  const scalar = new Set((await db.runAndReadAll("select lower(function_name) as name from duckdb_functions() group by 1 having bool_and(function_type = 'scalar' and stability = 'CONSISTENT')")).getRowObjectsJson().map((row) => String(row["name"])));
  parse = async (sql) => rowByRow(JSON.parse(String((await db.runAndReadAll(`select json_serialize_sql('${sql.replaceAll("'", "''")}') as tree`)).getRowObjectsJson()[0]?.["tree"])), (name) => scalar.has(name));
});

test.each([
  ["columns, casts, arithmetic and a filter", "select id, cast(quantity * price as decimal(18, 2)) as amount, upper(state) from bronze.t where state <> 'draft' and id between 1 and 9", ["id", "quantity", "price", "state"]],
  ["a choice and a test of null", "select case when a is null then coalesce(b, 'x') else trim(c) end as d from bronze.t x where x.a in (1, 2)", ["a", "b", "c", "x"]],
])("row by row: %s", async (_, sql, columns) => {
  expect(await parse(sql)).toEqual({ table: "bronze.t", columns: new Set(columns), variables: false });
});

test("all columns, and parameters of the run, are told", async () => {
  expect(await parse("select *, getvariable('as_of') as at from Bronze.T")).toEqual({ table: "bronze.t", columns: null, variables: true });
});

test.each([
  ["an aggregate", "select count(*) from bronze.t"],
  ["a group", "select a from bronze.t group by a"],
  ["a window", "select a, row_number() over () as n from bronze.t"],
  ["a qualification", "select a from bronze.t qualify row_number() over (partition by a) = 1"],
  ["distinct rows", "select distinct a from bronze.t"],
  ["a limit", "select a from bronze.t limit 5"],
  ["a sample", "select a from bronze.t using sample 5"],
  ["a join", "select t.a from bronze.t join bronze.u using (a)"],
  ["a subquery", "select a from bronze.t where a in (select a from bronze.u)"],
  ["a subquery as a value", "select (select max(a) from bronze.t) as m from bronze.t"],
  ["a union", "select a from bronze.t union all select a from bronze.t"],
  ["a common table expression", "with x as (select 1 as a) select a from x"],
  ["rows of a list", "select unnest([a, a]) as a from bronze.t"],
  ["chance", "select a, random() as r from bronze.t"],
  ["the clock", "select a, now() as n from bronze.t"],
  ["a file", "select * from read_parquet('x')"],
  ["a macro", "select list_sum([a]) as s from bronze.t"],
  ["no table", "select 1 as a"],
  ["no sense", "selec"],
])("not row by row: %s", async (_, sql) => {
  expect(await parse(sql)).toBeNull();
});
