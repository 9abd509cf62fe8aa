import type pg from "pg";
import { CodedError } from "../storage/coded-error.ts";
import { quote } from "./copy-table.ts";
import type { TablePlan } from "./plan-table.ts";

/** Why the log cannot tell every change of a table: a stable code, what is wrong, what to do. */
export interface LogObjection {
  code: "source_publication_incomplete" | "source_replica_identity" | "source_permission_denied" | "source_not_logged";
  message: string;
  remedy: string;
}

export interface TableLog {
  /**
   * Names the table as the log follows it. A table that left the publication and came back has another one, and so has one whose
   * rows were written anew in one go (`truncate`, `alter … type … using`, `vacuum full`), which the log does not tell row by row.
   */
  identity: string;
  objection: LogObjection | null;
}

export interface Publication {
  name: string;
  /** The row's own number and writer: another one was made anew, or told to publish something else. */
  identity: string;
}

/** Null where there is none. */
export async function findPublication(client: pg.Client, name: string): Promise<(Publication & { whole: boolean }) | null> {
  const { rows: [found] } = await client.query<{ identity: string; whole: boolean }>(
    `select oid::text || ':' || xmin::text as identity, pubinsert and pubupdate and pubdelete and pubtruncate as whole from pg_catalog.pg_publication where pubname = $1`, [name],
  );
  return found === undefined ? null : { name, ...found };
}

/** Throws `source_publication_missing`, `source_publication_incomplete`. */
export async function openPublication(client: pg.Client, name: string, schema: string, tables: string[], place: string): Promise<Publication> {
  const found = await findPublication(client, name);
  const list = tables.map((table) => `${quote(schema)}.${quote(table)}`).join(", ");
  if (found === null) throw new CodedError({ code: "source_publication_missing", message: `The source has no publication ${name}`, place, remedy: `As owner of the tables: create publication ${quote(name)} for table ${list};` });
  if (!found.whole) {
    throw new CodedError({
      code: "source_publication_incomplete", message: `The publication ${name} leaves out inserts, updates, deletes or truncates`, place,
      remedy: `alter publication ${quote(name)} set (publish = 'insert, update, delete, truncate');`,
    });
  }
  return found;
}

interface LogRow {
  membership: string | null;
  published: { attnames?: string[] | null; rowfilter?: string | null } | null;
  identity: string;
  identity_columns: string[] | null;
  unreadable: string[] | null;
  row_security: boolean;
  file: string;
}

/** Whether the log has all that lands of a table, its deletes by the key included, and whether this login may read it. */
export async function tableLog(client: pg.Client, publication: string, { schema, name, key }: { schema: string; name: string; key: string[] }, plan: TablePlan): Promise<TableLog> {
  const { rows: [row] } = await client.query<LogRow>(
    `select coalesce((select p.oid::text || ':' || p.xmin::text from pg_catalog.pg_publication_rel p join pg_catalog.pg_publication b on b.oid = p.prpubid where p.prrelid = c.oid and b.pubname = $2), '') as membership,
            (select to_jsonb(t) from pg_catalog.pg_publication_tables t where t.pubname = $2 and t.schemaname = $3 and t.tablename = $4) as published,
            c.relreplident::text as identity,
            (select array_agg(a.attname::text) from pg_catalog.pg_index i join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = any (i.indkey)
              where i.indrelid = c.oid and case c.relreplident when 'i' then i.indisreplident when 'd' then i.indisprimary else false end) as identity_columns,
            (select array_agg(a.attname::text) from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attname = any ($5::name[]) and not has_column_privilege(c.oid, a.attnum, 'SELECT')) as unreadable,
            row_security_active(c.oid) as row_security, c.relfilenode::text as file
       from pg_catalog.pg_class c where c.oid = $1::oid`,
    [plan.oid, publication, schema, name, plan.columns.map((column) => column.name)],
  );
  const { membership, file, published, identity, identity_columns, unreadable, row_security } = row!;
  return { identity: `${membership ?? ""}/${file}`, objection: objectionTo() };

  function objectionTo(): LogObjection | null {
    const place = `${quote(schema)}.${quote(name)}`;
    const columns = plan.columns.map((column) => column.name);
    const incomplete = (message: string, remedy: string): LogObjection => ({ code: "source_publication_incomplete", message, remedy });
    if (plan.kind !== "r") return { code: "source_not_logged", message: "It is no plain table, so the log has no rows of it", remedy: "Land it in a phase of its own with mode: full." };
    if (row_security) return { code: "source_not_logged", message: "Row level security holds this login back here, and the log knows no policies", remedy: "Land it with mode: incremental, or give the login a policy that shows every row and BYPASSRLS." };
    if (unreadable !== null) return { code: "source_permission_denied", message: `The login may not read ${unreadable.toSorted().join(", ")}`, remedy: "Grant SELECT on the table, or exclude the columns." };
    if (published === null) return incomplete(`The publication ${publication} has not this table`, `alter publication ${quote(publication)} add table ${place};`);
    if (published.rowfilter != null) return incomplete(`The publication ${publication} leaves out rows`, "Take the row filter off.");
    const lacking = published.attnames == null ? [] : columns.filter((column) => !published.attnames!.includes(column));
    if (lacking.length > 0) return incomplete(`The publication ${publication} leaves out the columns ${lacking.join(", ")}`, "Add them to the publication's column list, or exclude them here.");
    const held = identity === "f" ? columns : (identity_columns ?? []);
    const unheld = key.filter((column) => !held.includes(column));
    if (unheld.length === 0) return null;
    return {
      code: "source_replica_identity", message: `The log's deletes do not name ${unheld.join(", ")} (REPLICA IDENTITY ${({ d: "DEFAULT", n: "NOTHING", i: "USING INDEX", f: "FULL" } as Record<string, string>)[identity] ?? identity})`,
      remedy: `Give the table a primary key (${key.join(", ")}), or: alter table ${place} replica identity full;`,
    };
  }
}
