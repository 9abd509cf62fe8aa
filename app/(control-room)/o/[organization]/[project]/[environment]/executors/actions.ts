"use server";

import { z } from "zod";
import { uuid } from "@/contracts/common.ts";
import { createExecutorRequest, type ExecutorDetail } from "@/contracts/executor.ts";
import { attempt, type Outcome } from "@/lib/ops/attempt.ts";
import { createExecutor, createExecutorToken, deleteExecutor, updateExecutor } from "@/lib/ops/executor-registry.ts";
import { createSessionClient } from "@/lib/supabase/server.ts";

const tokenDays = 90;
const overlapSeconds = 86_400;

// What a browser sends is anybody's: each argument is parsed, and the database decides by the session's rights.
/** An executor and its first token, which is nowhere else from then on. */
export async function addExecutorAction(request: z.input<typeof createExecutorRequest>): Promise<Outcome<{ executor: ExecutorDetail; token: string }>> {
  return attempt(async () => {
    const db = await createSessionClient();
    const executor = await createExecutor(db, createExecutorRequest.parse(request));
    const { token } = await createExecutorToken(db, executor.executor_id, { expires_in_days: tokenDays });
    return { executor, token };
  });
}

export async function drainExecutorAction(...args: [executorId: string, comment: string]): Promise<Outcome<ExecutorDetail>> {
  return attempt(async () => {
    const [id, comment] = z.tuple([uuid, z.string().trim().max(500)]).parse(args);
    return updateExecutor(await createSessionClient(), id, { draining: true, drain_comment: comment === "" ? null : comment });
  });
}

export async function enableExecutorAction(executorId: string): Promise<Outcome<ExecutorDetail>> {
  return attempt(async () => updateExecutor(await createSessionClient(), uuid.parse(executorId), { draining: false }));
}

/** A new token; those that it has end a day later. */
export async function rotateTokenAction(executorId: string): Promise<Outcome<{ token: string }>> {
  return attempt(async () => {
    const { token } = await createExecutorToken(await createSessionClient(), uuid.parse(executorId), { expires_in_days: tokenDays, overlap_seconds: overlapSeconds });
    return { token };
  });
}

export async function deleteExecutorAction(executorId: string): Promise<Outcome<void>> {
  return attempt(async () => deleteExecutor(await createSessionClient(), uuid.parse(executorId)));
}
