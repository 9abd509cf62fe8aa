import { randomBytes } from "node:crypto";
import path from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { withClient } from "../../scripts/stack/bootstrap.ts";
import { listMigrations } from "../../scripts/stack/migrate.ts";
import { databaseUrl } from "../../scripts/stack/postgres-server.ts";
import { createDatabase, type TestDatabase } from "./support/database.ts";
import { applySchemas, PASSWORD, ROOT } from "./support/test-server.ts";

const present = `test_present_${randomBytes(6).toString("hex")}`;
const url = (login: string, database: string) => databaseUrl(inject("database_port"), login, PASSWORD, database);
const maintenance = () => url("supabase_admin", "template1");
let migrated: TestDatabase;

beforeAll(async () => {
  migrated = await createDatabase({ connections: 1 });
  // `postgres` holds the bootstrap and nothing of ours.
  await withClient(maintenance(), (client) => client.query(`create database ${present} template postgres owner postgres strategy file_copy`));
  await applySchemas(url("postgres", present));
});
afterAll(async () => {
  await migrated?.drop();
  await withClient(maintenance(), (client) => client.query(`drop database if exists ${present} with (force)`));
});

const ours = "in ('ops'::regnamespace, 'ops_private'::regnamespace)";
const catalog: Record<string, string> = {
  schemas: "select nspname, nspacl::text, nspowner::regrole::text from pg_namespace where nspname in ('ops', 'ops_private')",
  relations: `select oid::regclass::text, relkind, relacl::text, relowner::regrole::text, relrowsecurity, relforcerowsecurity, reloptions::text, pg_get_expr(relpartbound, oid), case when relkind = 'v' then pg_get_viewdef(oid) end from pg_class where relnamespace ${ours}`,
  columns: `select a.attrelid::regclass::text, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated, a.attacl::text, pg_get_expr(d.adbin, d.adrelid) from pg_attribute as a join pg_class as c on c.oid = a.attrelid left join pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum where c.relnamespace ${ours} and a.attnum > 0 and not a.attisdropped`,
  constraints: `select conrelid::regclass::text, conname, pg_get_constraintdef(oid), condeferrable, condeferred, convalidated from pg_constraint where connamespace ${ours}`,
  indexes: `select pg_get_indexdef(i.indexrelid), i.indisvalid from pg_index as i join pg_class as c on c.oid = i.indrelid where c.relnamespace ${ours}`,
  functions: `select case prokind when 'a' then (select a::text from pg_aggregate as a where a.aggfnoid = p.oid) else pg_get_functiondef(oid) end, proacl::text, proowner::regrole::text from pg_proc as p where pronamespace ${ours}`,
  policies: "select * from pg_policies where schemaname in ('ops', 'ops_private')",
  triggers: `select pg_get_triggerdef(t.oid), t.tgenabled from pg_trigger as t join pg_class as c on c.oid = t.tgrelid where c.relnamespace ${ours} and not t.tgisinternal`,
  types: `select typname, typtype, typacl::text from pg_type where typnamespace ${ours}`,
};
async function snapshot(database: string): Promise<Record<string, string[]>> {
  return withClient(url("postgres", database), async (client) => {
    const found: Record<string, string[]> = {};
    for (const [part, sql] of Object.entries(catalog)) found[part] = (await client.query(sql)).rows.map((row) => JSON.stringify(row)).toSorted();
    return found;
  });
}

test("a database made by the migrations equals one made from the schemas", async () => {
  expect(listMigrations(path.join(ROOT, "supabase/migrations")).length).toBeGreaterThan(0);
  const [history, now] = [await snapshot(migrated.name), await snapshot(present)];
  for (const part of Object.keys(catalog)) {
    expect(now[part]?.length, part).toBeGreaterThan(1);
    expect(history[part], part).toEqual(now[part]);
  }
});
