import { z } from "zod";
import { timestamp, uuid } from "@/contracts/common.ts";
import { ControlRoomError } from "@/contracts/error.ts";
import { type ColumnLineageGraph, type columnLineageQuery, type LineageGraph, type lineageBatchResponse, type lineageQuery, lineageReader, type LineageReader, type lineageReadersQuery, openLineageEvent, type OpenLineageEvent, type recordLineageQuery } from "@/contracts/lineage.ts";
import { lineageHome } from "@/contracts/words.ts";
import { placesOf } from "@/lib/api/input.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { resolveEnvironment } from "./environments.ts";
import { beyond, decodeCursor, pageOf } from "./keyset.ts";
import { callRpc, columns, readRows } from "./rpc.ts";

type Place = z.output<typeof recordLineageQuery>;
const eventsAtOnce = 100;

/** Takes one event in. Throws `not_found`, `forbidden`, `invalid_input`. */
export async function recordLineage(db: Db, place: Place, event: OpenLineageEvent): Promise<{ recorded: number }> {
  const { environment_id } = await resolveEnvironment(db, place);
  return callRpc(db, "record_lineage", { environment_id, events: [event] });
}

/**
 * Takes in what can be taken, each event for itself: one that is not valid, or that the database refuses, is named with its reason, in the
 * form of OpenLineage's own API. What refuses the caller (`not_found`, `forbidden`) or fails for all ends the whole call.
 */
export async function recordLineageBatch(db: Db, place: Place, events: Record<string, unknown>[]): Promise<z.infer<typeof lineageBatchResponse>> {
  const { environment_id } = await resolveEnvironment(db, place);
  const failed: { index: number; reason: string; retriable: boolean }[] = [];
  const valid = events.flatMap((event, index) => {
    const parsed = openLineageEvent.safeParse(event);
    if (parsed.success) return [{ index, event: parsed.data }];
    const [place] = placesOf(parsed.error, "");
    failed.push({ index, reason: `invalid_input: ${place?.path || "the event"}: ${place?.message ?? "is not valid"}`, retriable: false });
    return [];
  });
  const record = async (part: typeof valid): Promise<void> => {
    try {
      await callRpc(db, "record_lineage", { environment_id, events: part.map(({ event }) => event) });
    } catch (error) {
      if (!(error instanceof ControlRoomError) || !["invalid_input", "payload_too_large"].includes(error.code)) throw error;
      if (part.length > 1) for (const one of part) await record([one]);
      else failed.push({ index: part[0]!.index, reason: `${error.code}: ${error.message}`, retriable: false });
    }
  };
  if (valid.length === 0) await callRpc(db, "read_lineage", { environment_id, most: 1 }); // who may not see the environment is told that, whatever was sent
  for (let at = 0; at < valid.length; at += eventsAtOnce) await record(valid.slice(at, at + eventsAtOnce));
  return {
    status: failed.length === 0 ? "success" : "partial_success",
    summary: { received: events.length, successful: events.length - failed.length, failed: failed.length, retriable: 0, non_retriable: failed.length },
    failed_events: failed.toSorted((a, b) => a.index - b.index),
  };
}

/** The graph around a dataset, or all of it by name. Throws `not_found`. */
export async function readLineage(db: Db, { limit, cursor, ...query }: Partial<z.output<typeof lineageQuery>> & { environment_id: string }): Promise<LineageGraph> {
  const { next, ...graph } = await callRpc(db, "read_lineage", { ...query, ...(limit === undefined ? {} : { most: limit }), ...(cursor === undefined ? {} : { after: cursor }) });
  return { ...graph, next_cursor: next };
}

/** What columns are made of. Throws `not_found`. */
export function readColumnLineage(db: Db, { limit, column, ...query }: Partial<z.output<typeof columnLineageQuery>> & { environment_id: string }): Promise<ColumnLineageGraph> {
  return callRpc(db, "read_column_lineage", { ...query, ...(column === undefined ? {} : { column_name: column }), ...(limit === undefined ? {} : { most: limit }) });
}

const nodeRow = z.object({ node_id: uuid });

/** Who reads a dataset, the newest first; nobody where the graph has no such dataset. */
export async function listReaders(db: Db, { environment_id, node_id, dataset, limit = 50, cursor }: Partial<z.output<typeof lineageReadersQuery>> & { environment_id: string }): Promise<{ items: LineageReader[]; next_cursor: string | null }> {
  const after = decodeCursor(cursor, [timestamp, uuid]);
  const node = node_id ?? (await readRows(nodeRow, db.from("lineage_datasets").select("node_id").eq("environment_id", environment_id).eq("namespace", lineageHome(environment_id)).eq("name", dataset ?? "")))[0]?.node_id;
  if (node === undefined) return { items: [], next_cursor: null };
  let query = db.from("lineage_reader_list").select(columns(lineageReader.shape)).eq("environment_id", environment_id).eq("node_id", node);
  if (after !== null) query = query.or(beyond(["seen_at", "lineage_job_id"], after, "lt"));
  const rows = await readRows(lineageReader, query.order("seen_at", { ascending: false }).order("lineage_job_id", { ascending: false }).limit(limit + 1));
  return pageOf(rows, limit, (row) => [row.seen_at, row.lineage_job_id]);
}
