import { DuckDBInstance, type DuckDBConnection } from "@duckdb/node-api";
import { beforeAll, expect, test } from "vitest";
import type { TableLineage } from "../../contracts/dataset.ts";
import { sqlLineage } from "./sql-lineage.ts";

// Real parse trees, and the columns that the engine really gives: nothing here says by itself what a statement answers.
let db: DuckDBConnection;
const tables = new Map([
  ["silver.orders", ["id", "customer_id", "amount", "state", "tags"]],
  ["silver.customers", ["id", "name", "country"]],
  ["silver.rates", ["country", "rate"]],
]);
beforeAll(async () => {
  db = await (await DuckDBInstance.create(":memory:")).connect();
  await db.run("create schema silver; create table silver.orders (id bigint, customer_id bigint, amount decimal(18,2), state varchar, tags struct(a varchar)); create table silver.customers (id bigint, name varchar, country varchar); create table silver.rates (country varchar, rate decimal(9,4))");
});

async function lineageOf(sql: string): Promise<TableLineage | null> {
  const tree = JSON.parse(String((await db.runAndReadAll("select json_serialize_sql($1::varchar) as tree", [sql])).getRowObjectsJson()[0]?.["tree"])) as unknown;
  const wrote = (await db.runAndReadAll(`describe ${sql}`)).getRowObjectsJson().map((row) => String(row["column_name"]));
  return sqlLineage(tree, tables, wrote);
}
/** `column < table.column KIND, …` for each column, and `rows < …`. */
async function said(sql: string): Promise<Record<string, string> | null> {
  const found = await lineageOf(sql);
  if (found === null || found.columns === null) return null;
  const { columns, rows } = found;
  const words = (sources: { dataset: string; column: string; kind: string }[]) => sources.map(({ dataset, column, kind }) => `${dataset.replace("silver.", "")}.${column} ${kind}`).join(", ");
  return { ...Object.fromEntries(Object.entries(columns).map(([name, from]) => [name, words(from)])), ...(rows.length > 0 ? { rows: words(rows) } : {}) };
}

test.each<[string, string, Record<string, string>]>([
  ["a column as it is, computed and aggregated", "select state, amount * 2 as twice, sum(amount) as total from silver.orders group by 1, 2", { state: "orders.state IDENTITY", twice: "orders.amount TRANSFORMATION", total: "orders.amount AGGREGATION", rows: "orders.amount GROUP_BY, orders.state GROUP_BY" }],
  ["a join with aliases", "select o.id, c.name from silver.orders as o left join silver.customers as c on c.id = o.customer_id where o.state <> 'x'", { id: "orders.id IDENTITY", name: "customers.name IDENTITY", rows: "customers.id JOIN, orders.customer_id JOIN, orders.state FILTER" }],
  ["a join by USING, whose column stands once in a star", "select * exclude (rate) from silver.customers join silver.rates using (country)", { id: "customers.id IDENTITY", name: "customers.name IDENTITY", country: "customers.country IDENTITY", rows: "customers.country JOIN, rates.country JOIN" }],
  ["common table expressions, one on the other", "with a as (select customer_id as c, sum(amount) as s from silver.orders group by all), b as (select c, s / 2 as h from a) select h from b", { h: "orders.amount AGGREGATION", rows: "orders.customer_id GROUP_BY" }],
  ["a name that a common table expression hides", "with orders as (select name as id from silver.customers) select id from orders", { id: "customers.name IDENTITY" }],
  ["a star with a replaced column", "select * replace (upper(name) as name) from silver.customers", { id: "customers.id IDENTITY", name: "customers.name TRANSFORMATION", country: "customers.country IDENTITY" }],
  ["a union, by position", "select id from silver.orders union all select id from silver.customers", { id: "customers.id IDENTITY, orders.id IDENTITY" }],
  ["a union, by name", "select id, state from silver.orders union all by name select country as state from silver.customers", { id: "orders.id IDENTITY", state: "customers.country IDENTITY, orders.state IDENTITY" }],
  ["a subquery that looks outwards", "select (select max(name) from silver.customers as c where c.id = o.customer_id) as n from silver.orders as o", { n: "customers.id TRANSFORMATION, customers.name AGGREGATION, orders.customer_id TRANSFORMATION" }],
  ["a window", "select row_number() over (partition by state order by id) as n from silver.orders qualify n = 1", { n: "orders.id TRANSFORMATION, orders.state TRANSFORMATION", rows: "orders.id FILTER, orders.state FILTER" }],
  ["an alias used again beside it", "select amount as a, a + 1 as b from silver.orders", { a: "orders.amount IDENTITY", b: "orders.amount TRANSFORMATION" }],
  ["a field of a struct", "select tags.a as t, o.tags.a as u from silver.orders as o", { t: "orders.tags TRANSFORMATION", u: "orders.tags TRANSFORMATION" }],
  ["a lambda, whose parameter is no column", "select list_transform([amount], state -> state + id) as l from silver.orders", { l: "orders.amount TRANSFORMATION, orders.id TRANSFORMATION" }],
  ["values and series, which come from no table", "select v.a, r.i, 1 as one from (values (1), (2)) as v(a), range(3) as r(i)", { a: "", i: "", one: "" }],
  ["a semi join, whose right side only decides", "select id from silver.orders semi join silver.customers on orders.customer_id = customers.id", { id: "orders.id IDENTITY", rows: "customers.id JOIN, orders.customer_id JOIN" }],
  ["columns whose names differ in case only in the text", "select STATE, O.Id from silver.orders as o", { state: "orders.state IDENTITY", id: "orders.id IDENTITY" }],
])("%s is told column by column", async (_, sql, wanted) => {
  const told = await said(sql);
  const lower = (object: Record<string, string> | null) => object && Object.fromEntries(Object.entries(object).map(([key, value]) => [key.toLowerCase(), value]));
  expect(lower(told)).toEqual(wanted);
});

test.each([
  ["a choice of columns by a pattern", "select columns('a.*') from silver.orders"],
  ["a recursive expression", "with recursive t as (select id from silver.orders union select id + 1 from t where id < 3) select id from t"],
  ["a natural join", "select name from silver.customers natural join silver.rates"],
])("%s is not known by column, and its tables are told", async (_, sql) => {
  const found = await lineageOf(sql);
  expect(found).toMatchObject({ columns: null, rows: [] });
  expect(found?.inputs.length).toBeGreaterThan(0);
});

test("columns that the engine did not write, and tables that are not known, make nothing of the text believed", async () => {
  const tree = JSON.parse(String((await db.runAndReadAll("select json_serialize_sql('select id from silver.orders') as tree")).getRowObjectsJson()[0]?.["tree"])) as unknown;
  expect(sqlLineage(tree, tables, ["other"])?.columns).toBeNull();
  expect(sqlLineage(tree, tables, ["id", "more"])?.columns).toBeNull();
  expect(sqlLineage(tree, new Map(), ["id"])).toEqual({ inputs: [], columns: null, rows: [] });
  expect(await lineageOf("pivot silver.orders on state using sum(amount)"), "the engine gives no tree of a pivot").toBeNull();
});
