import "server-only";
import { createHash, randomBytes } from "node:crypto";
import { z } from "zod";
import { uuid } from "@/contracts/common.ts";
import { ControlRoomError } from "@/contracts/error.ts";
import {
  executor, executorToken,
  type createExecutorRequest, type createExecutorTokenRequest, type ExecutorDetail, type executorHeartbeatRequest, type executorHeartbeatResponse, type ExecutorToken, type newExecutorToken, type updateExecutorRequest,
} from "@/contracts/executor.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { resolveProject } from "./environments.ts";
import { callRpc, columns, readRows } from "./rpc.ts";

/** Throws `conflict` where the name is taken, `not_found` for an environment that the project does not have, `forbidden`. */
export async function createExecutor(db: Db, { project, ...body }: z.output<typeof createExecutorRequest>): Promise<ExecutorDetail> {
  const { project_id } = await resolveProject(db, { project }, "admin");
  return callRpc(db, "create_executor", { project_id, ...body });
}

const place = z.object({ environments: z.object({ environment_id: uuid, slug: z.string() }) });
const held = z.object({ run_id: uuid });

/** Throws `not_found`. */
export async function getExecutor(db: Db, executor_id: string): Promise<ExecutorDetail> {
  const [[found], places, leases] = await Promise.all([
    readRows(executor, db.from("executors").select(columns(executor.shape)).eq("executor_id", executor_id).is("deleted_at", null)),
    readRows(place, db.from("executor_environments").select("environments(environment_id,slug)").eq("executor_id", executor_id)),
    readRows(held, db.from("leases").select("run_id").eq("executor_id", executor_id)),
  ]);
  if (found === undefined) throw new ControlRoomError("not_found", "There is no such executor, or you may not see it.");
  return { ...found, active_runs: leases.length, environments: places.map((each) => each.environments).toSorted((a, b) => (a.slug < b.slug ? -1 : 1)) };
}

/** Changes what is named. Throws `not_found`, `forbidden`, `conflict`. */
export function updateExecutor(db: Db, executor_id: string, patch: z.output<typeof updateExecutorRequest>): Promise<ExecutorDetail> {
  return callRpc(db, "update_executor", { executor_id, patch });
}

/** Its tokens are void at once; runs go on naming it. Throws `not_found`, `forbidden`. */
export async function deleteExecutor(db: Db, executor_id: string): Promise<void> {
  await callRpc(db, "delete_executor", { executor_id });
}

/** Tokens, newest first, without their secret. Throws `not_found` where the executor is not visible. */
export async function listExecutorTokens(db: Db, executor_id: string): Promise<{ items: ExecutorToken[]; next_cursor: null }> {
  await getExecutor(db, executor_id);
  const items = await readRows(executorToken, db.from("executor_tokens").select(columns(executorToken.shape)).eq("executor_id", executor_id).order("created_at", { ascending: false }).limit(100));
  return { items, next_cursor: null };
}

/** Made here, so that the database never sees it: it gets the SHA-256. 256 random bits. Throws `not_found`, `forbidden`, `conflict`. */
export async function createExecutorToken(db: Db, executor_id: string, { expires_in_days, overlap_seconds }: z.output<typeof createExecutorTokenRequest>): Promise<z.infer<typeof newExecutorToken>> {
  const token = `lcx_${randomBytes(32).toString("base64url")}`;
  const made = await callRpc(db, "create_executor_token", {
    executor_id, token_sha256: createHash("sha256").update(token).digest("hex"), prefix: token.slice(0, 12),
    expires_at: new Date(Date.now() + expires_in_days * 86_400_000 - 60_000).toISOString(), overlap_seconds: overlap_seconds ?? null,
  });
  return { ...made, token };
}

/** Void from now on. Throws `not_found`, `forbidden`. */
export async function revokeExecutorToken(db: Db, executor_id: string, executor_token_id: string): Promise<void> {
  await callRpc(db, "revoke_executor_token", { executor_id, executor_token_id });
}

/** An executor without work says that it lives. Throws `forbidden` for any other caller. */
export function heartbeatExecutor(db: Db, executor_id: string, body: z.output<typeof executorHeartbeatRequest>): Promise<z.infer<typeof executorHeartbeatResponse>> {
  return callRpc(db, "heartbeat_executor", { executor_id, ...body });
}
