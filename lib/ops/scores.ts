import "server-only";
import type { z } from "zod";
import { ControlRoomError } from "@/contracts/error.ts";
import { runScore, type RunScore, type signalWeights } from "@/contracts/score.ts";
import type { Role } from "@/contracts/role.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { resolveProject } from "./environments.ts";
import { callRpc, columns, readRows } from "./rpc.ts";
import { getRun } from "./runs.ts";

/** Throws `not_found` where the run is not visible, or has no score (yet). */
export async function getRunScore(db: Db, runId: string): Promise<RunScore> {
  const [found] = await readRows(runScore, db.from("run_scores").select(columns(runScore.shape)).eq("run_id", runId));
  if (found !== undefined) return found;
  const { status } = await getRun(db, runId);
  throw new ControlRoomError("not_found", status === "succeeded" || status === "failed" ? "The run has no score yet: the scheduler computes it within seconds." : `The run is ${status}: only one that succeeded or failed has a score.`);
}

/** Computes it again. Throws `not_found`, `forbidden`, `illegal_transition` for a run that has not succeeded or failed. */
export function computeRunScore(db: Db, run_id: string): Promise<RunScore> {
  return callRpc(db, "compute_run_score", { run_id });
}

type Weights = z.infer<typeof signalWeights>;
async function projectId(db: Db, project: string | undefined, needed: Role): Promise<string> {
  return (await resolveProject(db, { project }, needed)).project_id;
}

export async function getSignalWeights(db: Db, project?: string): Promise<Weights> {
  return callRpc(db, "get_signal_weights", { project_id: await projectId(db, project, "viewer") });
}

/** Replaces the project's weights; what is not named weighs as usual. */
export async function putSignalWeights(db: Db, project: string | undefined, weights: Weights["weights"]): Promise<Weights> {
  return callRpc(db, "put_signal_weights", { project_id: await projectId(db, project, "editor"), weights });
}
