import type { Failure, FailureState, MarkFailureRequest } from "@/contracts/failure.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { callRpc } from "./rpc.ts";

/** Failed runs that nobody has dealt with, newest first; or those that somebody marked, the last mark first. At most 200. Throws `not_found`. */
export function listFailures(db: Db, environment_id: string, state: FailureState): Promise<Failure[]> {
  return callRpc(db, "list_failures", { environment_id, state });
}

/** Throws `not_found`, `forbidden`, `illegal_transition` for a run that has not failed, `invalid_input`. */
export function markFailure(db: Db, run_id: string, { mark, reason }: MarkFailureRequest): Promise<Failure> {
  return callRpc(db, "mark_failure", { run_id, mark, reason: reason ?? null });
}
