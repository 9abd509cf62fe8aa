import { z } from "zod";
import { timestamp, uuid } from "@/contracts/common.ts";
import type { Executor, ExecutorDetail } from "@/contracts/executor.ts";
import type { Run } from "@/contracts/run.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { getExecutor } from "./executor-registry.ts";
import { listExecutors, type ExecutorFilter } from "./executors.ts";
import { columns, readRows } from "./rpc.ts";
import { listRuns } from "./runs.ts";

/** What an executor holds of a run; its token is nobody's to read. */
const lease = z.object({
  run_id: uuid,
  environment_id: uuid,
  executor_id: uuid,
  attempt: z.int(),
  claimed_at: timestamp,
  heartbeat_at: timestamp,
  expires_at: timestamp,
  phase: z.string().nullable(),
  stop_code: z.string().nullable(),
});
export type HeldLease = z.infer<typeof lease>;
const load = z.object({ executor_id: uuid, environments: z.array(z.string()), leases: z.int() });

export interface ExecutorRow extends Executor {
  environments: string[];
  /** Of the environments that the reader sees. */
  leases: number;
}

/** A page of a project's executors with where they work and how much they hold: two queries, however many they are. */
export async function executorRows(db: Db, filter: ExecutorFilter): Promise<{ items: ExecutorRow[]; next_cursor: string | null }> {
  const page = await listExecutors(db, filter);
  const ids = page.items.map((each) => each.executor_id);
  if (ids.length === 0) return { ...page, items: [] };
  const loads = new Map((await readRows(load, db.from("executor_load").select(columns(load.shape)).in("executor_id", ids))).map((each) => [each.executor_id, each]));
  return { ...page, items: page.items.map((each) => ({ ...each, environments: [], leases: 0, ...loads.get(each.executor_id) })) };
}

const recentRuns = 10;

/** An executor, what it holds in the environments that the reader sees, and its newest runs in one of them. Throws `not_found`. */
export async function executorPage(db: Db, executorId: string, environmentId: string): Promise<{ executor: ExecutorDetail; leases: HeldLease[]; runs: Run[] }> {
  const [executor, leases, runs] = await Promise.all([
    getExecutor(db, executorId),
    readRows(lease, db.from("leases").select(columns(lease.shape)).eq("executor_id", executorId).order("claimed_at")),
    listRuns(db, { environment_id: environmentId, executor_id: executorId, limit: recentRuns }),
  ]);
  return { executor, leases, runs: runs.items };
}
