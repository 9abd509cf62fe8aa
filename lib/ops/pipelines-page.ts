import { z } from "zod";
import type { Run } from "@/contracts/run.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { readRows } from "./rpc.ts";
import { listRuns } from "./runs.ts";

const scheduleRow = z.object({ template_key: z.string(), schedule: z.object({ cron: z.string(), time_zone: z.string().optional() }).nullable() });
const runRowsAtOnce = 4;

/** The schedules that specs name, by template key. */
export async function listSpecSchedules(db: Db, projectId: string): Promise<Map<string, { cron: string; time_zone: string }>> {
  const query = db.from("template_detail").select("template_key,schedule:spec->schedule").eq("project_id", projectId).not("spec->schedule", "is", null);
  const rows = await readRows(scheduleRow, query.order("template_key").limit(1000));
  return new Map(rows.flatMap((row) => (row.schedule === null ? [] : [[row.template_key, { cron: row.schedule.cron, time_zone: row.schedule.time_zone ?? "UTC" }] as const])));
}

/** The newest `count` runs of each template, newest first; each list is a short walk of one index. */
export async function latestRuns(db: Db, environmentId: string, templateKeys: readonly string[], count: number): Promise<Map<string, Run[]>> {
  const found = new Map<string, Run[]>();
  const waiting = [...templateKeys];
  const work = async (): Promise<void> => {
    for (let key = waiting.pop(); key !== undefined; key = waiting.pop()) {
      found.set(key, (await listRuns(db, { environment_id: environmentId, template_key: key, limit: count })).items);
    }
  };
  await Promise.all(Array.from({ length: runRowsAtOnce }, work));
  return found;
}
