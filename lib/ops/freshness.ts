import type { z } from "zod";
import { bigintText, datasetName } from "@/contracts/common.ts";
import { freshness, freshnessSignal, type Freshness, type FreshnessSignal, type listFreshnessQuery, type listFreshnessSignalsQuery } from "@/contracts/freshness.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { decodeCursor, pageOf } from "./keyset.ts";
import { columns, readRows } from "./rpc.ts";

/** Datasets of an environment that somebody promises to keep fresh, by name. */
export async function listFreshness(db: Db, filter: z.output<typeof listFreshnessQuery>): Promise<{ items: Freshness[]; next_cursor: string | null }> {
  const after = decodeCursor(filter.cursor, [datasetName]);
  let query = db.from("freshness_list").select(columns(freshness.shape)).eq("environment_id", filter.environment_id);
  if (filter.name !== undefined) query = query.eq("name", filter.name);
  if (filter.state !== undefined) query = query.eq("state", filter.state);
  if (filter.table_group !== undefined) query = query.eq("table_group", filter.table_group);
  if (after !== null) query = query.gt("name", after[0]);
  const rows = await readRows(freshness, query.order("name").limit(filter.limit + 1));
  return pageOf(rows, filter.limit, (row) => [row.name]);
}

const datasetsAtOnce = 200;

/** Every such dataset of an environment, by its name. */
export async function freshnessByName(db: Db, environment_id: string): Promise<Map<string, Freshness>> {
  const found = new Map<string, Freshness>();
  for (let cursor: string | undefined; ; ) {
    const page = await listFreshness(db, { environment_id, limit: datasetsAtOnce, cursor });
    for (const each of page.items) found.set(each.name, each);
    if (page.next_cursor === null) return found;
    cursor = page.next_cursor;
  }
}

/** What the monitor recorded, newest first. */
export async function listFreshnessSignals(db: Db, filter: z.output<typeof listFreshnessSignalsQuery>): Promise<{ items: FreshnessSignal[]; next_cursor: string | null }> {
  const after = decodeCursor(filter.cursor, [bigintText]);
  let query = db.from("freshness_signals").select(columns(freshnessSignal.shape, { signal_id: "text" })).eq("environment_id", filter.environment_id);
  if (filter.dataset !== undefined) query = query.eq("dataset", filter.dataset);
  if (filter.state !== undefined) query = query.eq("state", filter.state);
  if (after !== null) query = query.lt("signal_id", after[0]);
  const rows = await readRows(freshnessSignal, query.order("signal_id", { ascending: false }).limit(filter.limit + 1));
  return pageOf(rows, filter.limit, (row) => [row.signal_id]);
}
