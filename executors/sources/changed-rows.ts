import type pg from "pg";
import { sha256OfJson } from "../core/hash.ts";
import { SOURCE_MARK } from "../lake/delta-log.ts";

/**
 * A position in a table's history. `version` is the oldest transaction that was open when a snapshot was taken: everything
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

/** The name under which a table's position is kept. A column that is added, dropped or made anew gives another one. */
export function sourceMarkName(facts: { place: string; origin: SourceOrigin; table_oid: string; key: string[]; columns: { number: number; name: string; pg_type: string; duckdb_type: string }[] }): string {
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
  const epoch = Math.floor(next / 2 ** 32);
  return `xmin::text::bigint + (case when xmin::text::bigint < ${next % 2 ** 32} then ${epoch} else ${epoch - 1} end)::bigint * 4294967296 >= ${mark}`;
}
