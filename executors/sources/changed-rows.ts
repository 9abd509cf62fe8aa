import type pg from "pg";
import { sha256OfJson } from "../core/hash.ts";
import { MOST_SLICES, sameDivision, sliceOf } from "../engines/key-slices.ts";
import { SOURCE_MARK } from "../lake/delta-log.ts";

/**
 * A position in a table's history: in the source's log (read-changes.ts), or, read by transactions, `version` is the oldest transaction that was open when a snapshot was taken: everything
 * below it had ended by then, and what had been committed is in that snapshot. `app_id` names the table as it was: its
 * server, its timeline, its columns. In the lake it is a `txn` of the version that holds those rows, so rows and position
 * are one commit.
 */
export interface SourceMark {
  app_id: string;
  version: number;
}

/** Where transaction numbers come from. Another server, or a server that went back in time, counts anew. */
export interface SourceOrigin {
  system: string;
  timeline: string;
  database: string;
}

/** Null where this login may not ask; its tables are then read whole. */
export async function readOrigin(client: pg.Client): Promise<SourceOrigin | null> {
  try {
    const { rows: [origin] } = await client.query<SourceOrigin>(
      `select (select system_identifier::text from pg_catalog.pg_control_system()) as system,
              (select timeline_id::text from pg_catalog.pg_control_checkpoint()) as timeline,
              (select oid::text from pg_catalog.pg_database where datname = current_database()) as database`,
    );
    return origin ?? null;
  } catch (error) {
    if ((error as { code?: unknown }).code === "42501") return null;
    throw error;
  }
}

/** The name under which a table's position is kept. A column that is added, dropped or made anew gives another one, and so do other companies. `log` marks a position in the source's log, not a transaction's number. */
export function sourceMarkName(facts: { place: string; origin: SourceOrigin; table_oid: string; key: string[]; columns: { number: number; name: string; pg_type: string; duckdb_type: string }[]; log?: string[]; companies?: number[] }): string {
  return `${SOURCE_MARK}${sha256OfJson(facts).slice(0, 32)}`;
}

/**
 * The condition for rows that were written since a position; `next` is the first transaction number that was not given out
 * yet. Null when the position is too old for the 32 bits that a row keeps of its transaction's number.
 *
 * Exact where a `write_date` is not: a row committed late, one updated without moving `write_date`, one of a table that has
 * none. A savepoint's number is larger than its transaction's, so comparing with the oldest open one misses none; rows of
 * transactions that had ended above it are read again, which the merge by key bears.
 */
export function changedSince(mark: number, next: number): string | null {
  if (next - mark >= 2 ** 31) return null;
  // Both ages are counted from one number, which stays the same within a transaction. Comparing texts or bigints costs a scan twice as much.
  return `pg_catalog.age(xmin) <= pg_catalog.age('${mark % 2 ** 32}'::pg_catalog.xid)`;
}

/** What an incremental landing builds on: up to where the table has landed, and how the landed rows are divided by their key. */
export interface LandedTable {
  version: number;
  /** Rows of each slice; null where the table is one file. */
  slices: { shift: number; rows: Map<number, number> } | null;
}

/**
 * `from` names the table, with a condition where not all of its rows land. The slices in which something is not as it landed: a row was written, or there are fewer rows than landed. The others hold, row for row, what
 * landed: no row came to them, since it would have been written, and none left, since their number is the same. Null where the rows are to be
 * divided otherwise by now. One scan.
 */
export async function touchedSlices(client: pg.Client, from: string, column: string, changed: string, { shift, rows: landed }: NonNullable<LandedTable["slices"]>): Promise<number[] | null> {
  const { rows } = await client.query<{ number: string; rows: string; changed: string }>(
    `select number, count(*)::text as rows, count(*) filter (where changed)::text as changed from (select ${sliceOf(column, shift)} as number, ${changed} as changed from ${from}) as present
      group by number order by number desc limit ${MOST_SLICES + 1}`,
  );
  const present = new Map(rows.map((row) => [Number(row.number), { rows: Number(row.rows), changed: row.changed !== "0" }]));
  const all = rows.reduce((sum, row) => sum + Number(row.rows), 0);
  if (rows.length > MOST_SLICES || !sameDivision(shift, all, Math.max(-1, ...present.keys()))) return null;
  return [...new Set([...present.keys(), ...landed.keys()])].filter((number) => present.get(number)?.changed !== false || present.get(number)?.rows !== landed.get(number)).toSorted((a, b) => a - b);
}
