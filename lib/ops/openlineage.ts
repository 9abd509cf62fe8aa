import { z } from "zod";
import type { QualityResult } from "@/contracts/quality.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { eventsOf, publishedVersion, type PublishedVersion, type RunEvent } from "./openlineage-events.ts";
import { listPhases } from "./phases.ts";
import { listQuality } from "./quality.ts";
import { readRows } from "./rpc.ts";
import { specOf } from "./runs-page.ts";
import { getRun } from "./runs.ts";

const versionRow = publishedVersion.omit({ name: true }).extend({ dataset_id: z.string(), datasets: z.object({ name: z.string() }) });
const atOnce = 1000;

/** What the records of a run say, as OpenLineage has it. Throws `not_found`. */
export async function openLineageOf(db: Db, runId: string): Promise<RunEvent[]> {
  const run = await getRun(db, runId);
  const [phases, spec, published, quality] = await Promise.all([listPhases(db, runId), specOf(db, run), publishedBy(db, runId), everyResult(db, runId)]);
  return eventsOf({ run, phases: phases.items, spec, published, quality });
}

async function publishedBy(db: Db, runId: string): Promise<PublishedVersion[]> {
  const found: PublishedVersion[] = [];
  for (let after = "00000000-0000-0000-0000-000000000000"; ; ) {
    const query = db.from("dataset_versions").select("dataset_id,version,row_count::text,byte_size::text,columns,phase,lineage,datasets!inner(name)");
    const rows = await readRows(versionRow, query.eq("run_id", runId).gt("dataset_id", after).order("dataset_id").limit(atOnce));
    found.push(...rows.map(({ datasets, dataset_id: _, ...version }) => ({ ...version, name: datasets.name })));
    if (rows.length < atOnce) return found.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    after = rows.at(-1)!.dataset_id;
  }
}

async function everyResult(db: Db, run_id: string): Promise<QualityResult[]> {
  const found: QualityResult[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await listQuality(db, { run_id, limit: 200, ...(cursor === undefined ? {} : { cursor }) });
    found.push(...page.items);
    if (page.next_cursor === null) return found;
    cursor = page.next_cursor;
  }
}
