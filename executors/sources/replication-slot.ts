import { randomBytes } from "node:crypto";
import type pg from "pg";
import { CodedError, errorCode } from "../storage/coded-error.ts";
import { quote } from "./copy-table.ts";
import { lsnOf, lsnText } from "./pgoutput.ts";

/** A logical replication slot: up to where its reader has landed, and what the source keeps for it. */
export interface SlotState {
  name: string;
  /** Changes below are gone. */
  confirmed: number;
  active: boolean;
  /** reserved, extended, unreserved or lost; null before PostgreSQL 13. */
  wal_status: string | null;
  /** Bytes of log that were written since `confirmed`. */
  lag_bytes: number;
  /** Bytes of log that the source keeps for it. */
  retained_bytes: number;
}

/** Null where there is none. Throws `source_slot_invalid` for a slot of another database or plugin. */
export async function findSlot(client: pg.Client, name: string, place: string): Promise<SlotState | null> {
  const { rows: [slot] } = await client.query<{ row: Record<string, unknown>; mine: boolean; lag: string; retained: string }>(
    `select to_jsonb(s) as row, s.database = current_database() and s.plugin = 'pgoutput' as mine,
            coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), s.confirmed_flush_lsn), 0)::text as lag, coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn), 0)::text as retained
       from pg_catalog.pg_replication_slots s where s.slot_name = $1`, [name],
  );
  if (slot === undefined) return null;
  if (!slot.mine) throw new CodedError({ code: "source_slot_invalid", message: `The replication slot ${name} is of another database, or not of pgoutput`, place, remedy: "Give the pipeline a slot of its own in `cdc.slot`." });
  const { active, wal_status, invalidation_reason, confirmed_flush_lsn } = slot.row as { active: boolean; wal_status?: string | null; invalidation_reason?: string | null; confirmed_flush_lsn: string | null };
  const lost = confirmed_flush_lsn === null || (invalidation_reason ?? null) !== null;
  return {
    name, active, wal_status: lost ? "lost" : (wal_status ?? null), confirmed: confirmed_flush_lsn === null ? 0 : lsnOf(confirmed_flush_lsn),
    lag_bytes: Number(slot.lag), retained_bytes: Number(slot.retained),
  };
}

/** Throws `source_wal_level` or `source_standby` where no slot could be. */
export async function refuseWithoutLog(client: pg.Client, place: string): Promise<void> {
  const { rows: [server] } = await client.query<{ wal_level: string; standby: boolean }>("select current_setting('wal_level') as wal_level, pg_is_in_recovery() as standby");
  if (server!.standby) throw new CodedError({ code: "source_standby", message: "The source is a standby, which takes no slot of ours", place, remedy: "Connect to the primary, or land with mode: incremental." });
  if (server!.wal_level !== "logical") throw new CodedError({ code: "source_wal_level", message: `The source's wal_level is ${server!.wal_level}`, place, remedy: "alter system set wal_level = logical, and restart the source; or land with mode: incremental." });
}

/**
 * Makes a slot (for good, or one that ends with this connection) and exports the snapshot of the moment from which it has
 * every change. The snapshot can be taken until the next command on this connection, which speaks replication. A transaction that is open holds it back until its end.
 */
export async function createSlot(walsender: pg.Client, name: string | null, place: string): Promise<{ lsn: number; snapshot: string }> {
  const slot = name ?? `control_room_snapshot_${randomBytes(6).toString("hex")}`;
  try {
    // In capitals: the server tells these commands from SQL by them.
    const { rows: [made] } = await walsender.query<{ consistent_point: string; snapshot_name: string }>(`CREATE_REPLICATION_SLOT ${quote(slot)} ${name === null ? "TEMPORARY " : ""}LOGICAL pgoutput EXPORT_SNAPSHOT`);
    return { lsn: lsnOf(made!.consistent_point), snapshot: made!.snapshot_name };
  } catch (error) {
    throw slotError(error, slot, place);
  }
}

/** What was landed needs no log any more: the source may let it go. */
export async function advanceSlot(client: pg.Client, slot: SlotState, to: number, place: string): Promise<void> {
  try {
    await client.query("select pg_catalog.pg_replication_slot_advance($1, $2)", [slot.name, lsnText(to)]);
  } catch (error) {
    throw slotError(error, slot.name, place);
  }
}

export async function dropSlot(client: pg.Client, name: string, place: string): Promise<void> {
  try {
    await client.query("select pg_catalog.pg_drop_replication_slot($1)", [name]);
  } catch (error) {
    throw slotError(error, name, place);
  }
}

/** Changes are gone: only reading all rows again leads on, which a person decides. */
export function slotLost(name: string, place: string, why: string): CodedError {
  return new CodedError({
    code: "source_slot_lost", message: `The replication slot ${name} ${why}: changes since the last landing cannot be read`, place,
    remedy: "Run the pipeline once with `cdc.resync: true`: the slot is made anew and every table is read whole.",
  });
}

/** Gives what a command on a slot threw a stable code. */
export function slotError(error: unknown, name: string, place: string): unknown {
  const message = error instanceof Error ? error.message : "";
  const make = (code: string, says: string, remedy: string, retryable = false): CodedError => new CodedError({ code, message: says, place, remedy, retryable });
  switch (errorCode(error)) {
    case "55006": return make("source_slot_busy", `Another session reads the replication slot ${name}`, "Wait for its end. If it is another program, give the pipeline a slot of its own.", true);
    case "53400": return make("source_slots_exhausted", "The source has no free replication slot", "Raise max_replication_slots and max_wal_senders, or drop a slot that nobody reads.", true);
    case "55P03": return make("source_timeout", "A transaction that is open holds the beginning of the log back", "Try again when the source's long transactions have ended.", true);
    case "42704": return /publication/.test(message) ? slotLost(name, place, "is older than the publication") : slotLost(name, place, "is gone");
    case "55000": case "58P01": return slotLost(name, place, "was invalidated");
    case "42601": return make("source_replication_denied", "The connection leads to something that speaks no replication", "Connect to the server itself, past a pooler.");
    default: return error;
  }
}
