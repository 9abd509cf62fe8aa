import { join } from "node:path";
import type pg from "pg";
import { CodedError } from "../storage/coded-error.ts";
import { type ChangeFile, openChangeFile } from "./change-file.ts";
import { type SourceOrigin, readOrigin, sourceMarkName } from "./changed-rows.ts";
import { companyCondition, companyIds } from "./company-rows.ts";
import { copyTable } from "./copy-table.ts";
import { decodeChanges } from "./decode-changes.ts";
import { lsnOf, lsnText } from "./pgoutput.ts";
import { type SourceTable, type TablePlan, planTable } from "./plan-table.ts";
import { strongLogin, type StrongLogin } from "./postgres-login.ts";
import { withSourceSession } from "./postgres-session.ts";
import { type Publication, openPublication, tableLog } from "./publication.ts";
import { type ReadRequest, type ReadTable, type SourceSnapshot, emptyTable, readHorizon } from "./read-tables.ts";
import { type SlotState, advanceSlot, createSlot, dropSlot, findSlot, refuseWithoutLog, slotLost } from "./replication-slot.ts";
import { sourcePlace } from "./source-error.ts";

export interface ChangesRequest extends ReadRequest {
  slot: string;
  publication: string;
  /** Read every table whole, with a new slot where the old one is lost. */
  resync: boolean;
  since: NonNullable<ReadRequest["since"]>;
  /** Called when a slot was made and when it was advanced; a throw stands for an executor that dies there. */
  onSlot?: (what: "created" | "advanced") => void;
}

export interface ChangesRead {
  snapshot: SourceSnapshot;
  tables: ReadTable[];
  /** How the slot was found. Null: it was made now. */
  slot: SlotState | null;
  /** Tables that were read whole although they had landed before, with the reason. */
  whole: Record<string, string>;
}

/** Tables whose shape changes while the log is read are read whole in the next round. */
const MOST_ROUNDS = 5;

/**
 * Reads what changed in tables by the source's log (logical decoding, `pgoutput`): every table as it stood at one position,
 * which is its mark. A table that has not landed yet, that changed its shape, or whose changes the log alone cannot tell is read whole, from
 * the snapshot that belongs to that position. Nothing is acknowledged here but what the marks say is registered: the slot is only
 * looked at, so whatever dies loses nothing.
 *
 * Throws what readTables throws, and `source_wal_level`, `source_standby`, `source_replication_denied`, `source_publication_missing`,
 * `source_publication_incomplete`, `source_replica_identity`, `source_not_logged`, `source_slot_missing`, `source_slot_lost`,
 * `source_slot_invalid`, `source_slot_busy`, `source_slots_exhausted`.
 */
export async function readChanges(request: ChangesRequest): Promise<ChangesRead> {
  const place = sourcePlace(request.url);
  return withSourceSession({ ...request, place }, async (client) => {
    await client.query("select pg_catalog.set_config('search_path', 'pg_catalog', false)");
    const strong = await strongLogin(client, { replicates: true });
    if (strong !== null) request.onStrongLogin?.(strong);
    await refuseWithoutLog(client, place);
    const origin = await readOrigin(client);
    if (origin === null) throw new CodedError({ code: "source_permission_denied", message: "The login may not ask which server this is", place, remedy: "grant execute on function pg_control_system(), pg_control_checkpoint() to the login." });
    const publication = await openPublication(client, request.publication, request.schema, request.tables.map(({ name }) => name), place);
    const source: Source = { request, client, place, strong, origin, publication };
    await refuseLostSlot(source);
    const undecided = new Set<string>();
    for (let round = 1; round <= MOST_ROUNDS; round += 1) {
      const read = await readOnce(source, undecided);
      if (read !== null) return read;
    }
    throw new CodedError({ code: "source_failed", message: `Tables changed their shape ${MOST_ROUNDS} times while they were read`, place, remedy: "Run this again when the source's upgrade is done.", retryable: true });
  });
}

interface Source {
  request: ChangesRequest;
  client: pg.Client;
  place: string;
  strong: StrongLogin | null;
  origin: SourceOrigin;
  publication: Publication;
  company_ids?: number[] | undefined;
}

/** A table with what is known of it before anything is read. */
interface Planned {
  table: SourceTable;
  /** Null: optional, and not in the source. */
  plan: TablePlan | null;
  app_id: string;
  /** Up to where it has landed; null where it is read whole. */
  since: number | null;
  /** How what landed is divided by its key, so that files in which nothing changed stay; null: not at all. */
  shift: number | null;
  why_whole: string | null;
}

async function refuseLostSlot({ request, client, place }: Source): Promise<void> {
  const slot = await findSlot(client, request.slot, place);
  if (slot?.wal_status !== "lost") return;
  if (!request.resync) throw slotLost(request.slot, place, "was invalidated, since the source kept too little log for it (max_slot_wal_keep_size)");
  await dropSlot(client, request.slot, place);
}

/** Null: `undecided` has grown, and everything is read again. */
async function readOnce(from: Source, undecided: Set<string>): Promise<ChangesRead | null> {
  const { request, client, place } = from;
  const source: Source = { ...from, company_ids: request.companies === undefined ? undefined : await companyIds(client, request.schema, request.companies) };
  // Looked for in each round: it may have been made by the one before.
  const slot = await findSlot(client, request.slot, place);
  const horizon = await readHorizon(client);
  const { rows: [server] } = await client.query<{ lsn: string; flushed: string; server_version: string }>(
    "select pg_current_wal_insert_lsn()::text as lsn, pg_current_wal_flush_lsn()::text as flushed, current_setting('server_version') as server_version",
  );
  // What is described below is as new as this position or newer: what the log has up to it can be compared.
  const planned = await planAll(source, slot, undecided);
  const landed = planned.flatMap(({ since }) => (since === null ? [] : [since]));
  if (slot === null && landed.length > 0) throw slotLost(request.slot, place, "is gone");
  if (slot !== null) await acknowledge(source, slot, landed);
  const read = (stop: number, snapshot: string | null) => readTo(source, { planned, stop, reached: snapshot !== null || lsnOf(server!.flushed) >= stop, snapshot, undecided });
  const whole = planned.filter(({ plan, since }) => plan !== null && since === null);
  const outcome = slot !== null && whole.length === 0
    ? { stop: lsnOf(server!.lsn), tables: await read(lsnOf(server!.lsn), null) }
    : await withSourceSession({ ...request, place, replication: true }, async (walsender) => {
        const made = await createSlot(walsender, slot === null ? request.slot : null, place);
        if (slot === null) request.onSlot?.("created");
        return { stop: made.lsn, tables: await read(made.lsn, made.snapshot) };
      });
  if (outcome.tables === null) return null;
  return {
    snapshot: { snapshot: lsnText(outcome.stop), server_version: server!.server_version, ...horizon },
    tables: outcome.tables, slot,
    whole: Object.fromEntries(planned.flatMap(({ table, why_whole }) => (why_whole === null ? [] : [[table.name, why_whole]]))),
  };
}

async function planAll(source: Source, slot: SlotState | null, undecided: Set<string>): Promise<Planned[]> {
  const { request } = source;
  const all: Planned[] = [];
  for (const table of request.tables) {
    request.signal.throwIfAborted();
    const { plan, app_id } = await identify(source, table);
    const landed = plan === null ? null : request.since(table, app_id);
    const mark = landed?.version ?? null;
    const why = mark === null ? null : request.resync ? "a resync was asked for" : undecided.has(table.name) ? "the log alone cannot tell its rows" : slot !== null && mark < slot.confirmed ? "its registered version is older than the slot" : null;
    all.push({ table, plan, app_id, since: why === null ? mark : null, shift: landed?.slices?.shift ?? null, why_whole: why });
  }
  return all;
}

/** A table as it is now, under the name that its mark has while it stays so. */
async function identify({ request, client, place, strong, origin, publication, company_ids }: Source, table: SourceTable): Promise<{ plan: TablePlan | null; app_id: string }> {
  const plan = await planTable(client, { ...request, company_ids }, table, strong);
  if (plan === null) return { plan, app_id: "" };
  const log = await tableLog(client, publication.name, { schema: request.schema, name: table.name, key: table.key }, plan);
  if (log.objection !== null) throw new CodedError({ ...log.objection, place: `${request.schema}.${table.name}` });
  return { plan, app_id: sourceMarkName({ place, origin, table_oid: plan.oid, key: table.key, columns: plan.columns, log: [publication.identity, log.identity], ...(plan.company_rows === null ? {} : { companies: plan.company_rows.ids }) }) };
}

/** The marks are those of registered versions, so the source need keep nothing below the oldest. */
async function acknowledge({ request, client, place }: Source, slot: SlotState, landed: number[]): Promise<void> {
  const oldest = Math.min(...landed);
  if (landed.length === 0 || oldest <= slot.confirmed) return;
  await advanceSlot(client, slot, oldest, place);
  request.onSlot?.("advanced");
}

interface Target {
  planned: Planned[];
  /** The position that all tables are brought to. */
  stop: number;
  /** False: the source has not flushed its log so far, and what it has not must come next time. */
  reached: boolean;
  /** The snapshot of exactly that position, where tables are read whole. */
  snapshot: string | null;
  undecided: Set<string>;
}

async function readTo(source: Source, { planned, stop, reached, snapshot, undecided }: Target): Promise<ReadTable[] | null> {
  const { request, client, place } = source;
  const files = new Map<string, ChangeFile>();
  const followed = new Map<number, { name: string; since: number; changes: ChangeFile }>();
  for (const { table, plan, since, shift } of planned) {
    if (plan === null || since === null) continue;
    const changes = await openChangeFile({ file: join(request.directory, `${table.name}.changes.csv`), columns: plan.columns, key: table.key, shift, company_rows: plan.company_rows });
    files.set(table.name, changes);
    followed.set(Number(plan.oid), { name: table.name, since, changes });
  }
  const decoded = followed.size === 0 ? { end: 0, undecided: [] } : await decodeChanges({ client, slot: request.slot, publication: request.publication, stop, followed, place, signal: request.signal, onRead: request.onRead });
  if (decoded.undecided.length > 0) {
    decoded.undecided.forEach((name) => undecided.add(name));
    return null;
  }
  if (snapshot !== null) await client.query(`begin transaction isolation level repeatable read, read only; set transaction snapshot '${snapshot}'`);
  const tables: ReadTable[] = [];
  const others: SourceTable[] = [];
  for (const each of planned) {
    request.signal.throwIfAborted();
    // A table that was written anew since looks empty in an older snapshot.
    if (each.plan !== null && each.since === null && (await isAnother(source, each))) others.push(each.table);
    const read = each.since === null ? await readWhole(source, each, stop) : logged(each, files.get(each.table.name)!, reached ? stop : Math.max(each.since, decoded.end));
    request.log?.("source table read", { table: read.name, rows: read.content?.rows, bytes: read.content?.bytes, missing: read.missing, changed_only: read.logged !== null });
    if (read.logged !== null) request.onRead?.(read.content!.rows, 0);
    request.onTable?.(read);
    tables.push(read);
  }
  if (snapshot !== null) await client.query("commit");
  for (const each of planned) if (each.plan !== null && each.since === null && (await isAnother(source, each))) others.push(each.table);
  others.forEach((table) => undecided.add(table.name));
  return others.length === 0 ? tables : null;
}

async function isAnother(source: Source, { table, app_id }: Planned): Promise<boolean> {
  return (await identify(source, { ...table, optional: true })).app_id !== app_id;
}

function logged({ table, plan, app_id }: Planned, file: ChangeFile, version: number): ReadTable {
  const { content, unsent, touched } = file.result();
  return { ...emptyTable(table), content, logged: { unsent }, touched, mark: { app_id, version }, excluded: plan!.excluded, by_company: plan!.company_rows !== null };
}

async function readWhole({ request, client }: Source, { table, plan, app_id }: Planned, version: number): Promise<ReadTable> {
  if (plan === null) return { ...emptyTable(table), missing: true };
  const content = await copyTable(client, { ...request, table: table.name, columns: plan.columns, file: join(request.directory, `${table.name}.csv`), where: companyCondition(plan.company_rows) });
  return { ...emptyTable(table), content, mark: { app_id, version }, excluded: plan.excluded, by_company: plan.company_rows !== null };
}
