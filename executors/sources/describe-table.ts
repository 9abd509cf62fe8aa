import type pg from "pg";
import { landedType } from "./postgres-types.ts";

export interface SourceColumn {
  name: string;
  /** Postgres gives each column a number that is never given again. */
  number: number;
  pg_type: string;
  /** The declared type, a domain as itself, with its modifier: as the log says it. */
  type_oid: number;
  typmod: number;
  duckdb_type: string;
  /** Lands as a mask. */
  masked?: boolean;
}

export interface DescribedTable {
  oid: string;
  /** `pg_class.relkind`: r table, p partitioned, v view, m materialized view, f foreign. */
  kind: string;
  /** Whether reading it may run what somebody else wrote: a view or foreign table of another role. */
  foreign_code: boolean;
  columns: SourceColumn[];
}

/** A table, view or foreign table with its columns and the types in which they land; null when there is none. */
export async function describeTable(client: pg.Client, schema: string, table: string): Promise<DescribedTable | null> {
  const { rows } = await client.query<{ oid: string; kind: string; foreign_code: boolean; name: string; number: number; type: string; typmod: number; type_oid: number; own_typmod: number }>(
    `select c.oid::text as oid, c.relkind::text as kind, c.relkind in ('v', 'f') and c.relowner <> session_user::pg_catalog.regrole as foreign_code, a.attname as name, a.attnum as number, coalesce(base.typname, t.typname)::text as type,
            case when t.typtype = 'd' then t.typtypmod else a.atttypmod end as typmod, a.atttypid::bigint::float8 as type_oid, a.atttypmod as own_typmod
       from pg_catalog.pg_class c
       join pg_catalog.pg_namespace n on n.oid = c.relnamespace
       join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
       join pg_catalog.pg_type t on t.oid = a.atttypid
       left join pg_catalog.pg_type base on t.typtype = 'd' and base.oid = t.typbasetype
      where n.nspname = $1 and c.relname = $2 and c.relkind in ('r', 'p', 'v', 'm', 'f')
      order by a.attnum`,
    [schema, table],
  );
  const [first] = rows;
  if (first === undefined) return null;
  const columns = rows.map(({ name, number, type, typmod, type_oid, own_typmod }) => {
    // numeric(p,s): ((p << 16) | (s & 0x7ff)) + 4, the scale being signed.
    const given = type === "numeric" && typmod >= 4;
    const precision = given ? ((typmod - 4) >> 16) & 0xffff : null;
    const scale = given ? ((((typmod - 4) & 0x7ff) ^ 1024) - 1024) : null;
    return { name, number, pg_type: type, type_oid, typmod: own_typmod, duckdb_type: landedType({ name, type, precision, scale }) };
  });
  return { oid: first.oid, kind: first.kind, foreign_code: first.foreign_code, columns };
}
