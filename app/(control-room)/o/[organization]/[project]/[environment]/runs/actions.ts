"use server";

import { z } from "zod";
import { uuid } from "@/contracts/common.ts";
import { retryRunRequest, type Run } from "@/contracts/run.ts";
import { attempt, type Outcome } from "@/lib/ops/attempt.ts";
import { cancelRun, retryRun } from "@/lib/ops/runs.ts";
import { createSessionClient } from "@/lib/supabase/server.ts";

// What a browser sends is anybody's: each argument is parsed, and the database decides by the session's rights.
const retryInput = z.tuple([uuid, retryRunRequest.shape.mode, z.string().min(1).max(200)]);
const cancelInput = z.tuple([uuid, z.string().max(500)]);

export async function retryRunAction(...args: [runId: string, mode: "all" | "failed" | "verify", key: string]): Promise<Outcome<{ run_id: string }>> {
  return attempt(async () => {
    const [runId, mode, idempotency_key] = retryInput.parse(args);
    const { run_id } = await retryRun(await createSessionClient(), runId, { mode, idempotency_key });
    return { run_id };
  });
}

export async function cancelRunAction(...args: [runId: string, reason: string]): Promise<Outcome<Run>> {
  return attempt(async () => {
    const [runId, reason] = cancelInput.parse(args);
    return cancelRun(await createSessionClient(), runId, reason.trim() || undefined);
  });
}
