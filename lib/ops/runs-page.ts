import type { Run } from "@/contracts/run.ts";
import { run } from "@/contracts/run.ts";
import type { RunEvent } from "@/contracts/event.ts";
import { canonicalJson } from "@/contracts/canonical.ts";
import { jsonObject } from "@/contracts/common.ts";
import { z } from "zod";
import type { Db } from "@/lib/supabase/client.ts";
import { eventsAfter } from "./events.ts";
import { readRows } from "./rpc.ts";

/**
 * The run that another is held against: the one that it repeats, else the last one before it that succeeded with the
 * same spec name in the same environment and published. Null where there is none, or it is not visible.
 */
export async function baselineOf(db: Db, of: Run): Promise<Run | null> {
  const all = db.from("run_list").select("*");
  const query = of.repairs_run_id !== null
    ? all.eq("run_id", of.repairs_run_id)
    : all.eq("environment_id", of.environment_id).eq("spec_slug", of.spec_slug).eq("status", "succeeded").eq("isolated", false).lt("run_id", of.run_id).order("run_id", { ascending: false });
  const [found] = await readRows(run, query.limit(1));
  return found ?? null;
}

/** What went into two runs and was not the same: the spec, the parameters, the content of a dataset that both read. */
export function changedInputs(a: Run, b: Run): string[] {
  const contents = (of: Run): Record<string, string | undefined> => {
    const datasets = inputDatasets.safeParse(of.input_manifest);
    return datasets.success ? Object.fromEntries(Object.entries(datasets.data.datasets).map(([name, version]) => [name, version.content_sha256])) : {};
  };
  const [left, right] = [contents(a), contents(b)];
  const changed: string[] = [];
  if (a.spec_sha256 !== b.spec_sha256) changed.push("the spec");
  if (canonicalJson(a.parameters) !== canonicalJson(b.parameters)) changed.push("the parameters");
  if (Object.keys(left).some((name) => right[name] !== undefined && right[name] !== left[name])) changed.push("the inputs");
  return changed;
}
const inputDatasets = z.object({ datasets: z.record(z.string(), z.object({ content_sha256: z.string().optional() })) });

export interface EventHistory {
  items: RunEvent[];
  /** There are more events between the last of `items` and `last_seq`. */
  more: boolean;
  /** The newest event when this was read: a stream goes on after it. */
  last_seq: number;
}
const seqRow = z.object({ seq: z.int() });
const firstEvents = 200;

/** The first 200 events of a run and the number of its last one. */
export async function eventHistory(db: Db, runId: string): Promise<EventHistory> {
  const [items, newest] = await Promise.all([
    eventsAfter(db, runId, {}, firstEvents),
    readRows(seqRow, db.from("run_events").select("seq").eq("run_id", runId).order("seq", { ascending: false }).limit(1)),
  ]);
  return historyOf(items, newest[0]?.seq ?? 0, firstEvents);
}

/** Both readings are of their own moment: a page that is not full was the end when it was read, and what came since is left to the stream. */
export function historyOf(items: RunEvent[], newest: number, limit: number): EventHistory {
  const read = items.at(-1)?.seq ?? 0;
  const last_seq = items.length < limit ? read : Math.max(read, newest);
  return { items, more: last_seq > read, last_seq };
}

const specRow = z.object({ spec: jsonObject });

/** The spec that a run was made with, as stored (canonical JSON); null where it is not visible. */
export async function specOf(db: Db, of: Pick<Run, "project_id" | "spec_sha256">): Promise<Record<string, unknown> | null> {
  const [stored] = await readRows(specRow, db.from("specs").select("spec").eq("project_id", of.project_id).eq("spec_sha256", of.spec_sha256).limit(1));
  return stored?.spec ?? null;
}
