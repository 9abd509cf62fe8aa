import { withClient } from "../../../scripts/stack/bootstrap.ts";

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

export const catalogParts = Object.keys(catalog);

/** Everything that the schemas `ops` and `ops_private` hold in a database, one sorted list of JSON rows for each part. */
export async function catalogOf(url: string): Promise<Record<string, string[]>> {
  return withClient(url, async (client) => {
    const found: Record<string, string[]> = {};
    for (const [part, sql] of Object.entries(catalog)) found[part] = (await client.query(sql)).rows.map((row) => JSON.stringify(row)).toSorted();
    return found;
  });
}
