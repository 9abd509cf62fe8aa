"use server";

import { z } from "zod";
import { createBulkRequest, type BulkJob } from "@/contracts/bulk.ts";
import { uuid } from "@/contracts/common.ts";
import { retryRunRequest, type Run } from "@/contracts/run.ts";
import { attempt, type Outcome } from "@/lib/ops/attempt.ts";
import { abortBulk, createBulk } from "@/lib/ops/bulk.ts";
import { cancelRun, retryRun } from "@/lib/ops/runs.ts";
import { createSessionClient } from "@/lib/supabase/server.ts";

// What a browser sends is anybody's: each argument is parsed, and the database decides by the session's rights.
const keyText = z.string().min(1).max(200);
const retryInput = z.tuple([uuid, retryRunRequest.shape.mode, keyText, retryRunRequest.shape.definition]);
const cancelInput = z.tuple([uuid, z.string().max(500)]);

export async function retryRunAction(...args: [runId: string, mode: "all" | "failed" | "verify", key: string, definition?: "pinned" | "current"]): Promise<Outcome<{ run_id: string }>> {
  return attempt(async () => {
    const [runId, mode, idempotency_key, definition] = retryInput.parse([args[0], args[1], args[2], args[3]]);
    const { run_id } = await retryRun(await createSessionClient(), runId, { mode, definition, idempotency_key });
    return { run_id };
  });
}

export async function cancelRunAction(...args: [runId: string, reason: string]): Promise<Outcome<Run>> {
  return attempt(async () => {
    const [runId, reason] = cancelInput.parse(args);
    return cancelRun(await createSessionClient(), runId, reason.trim() || undefined);
  });
}

/** How many runs fit, and the verb can act on. */
export async function countBulkAction(input: unknown): Promise<Outcome<number>> {
  return attempt(async () => (await createBulk(await createSessionClient(), { ...createBulkRequest.parse(input), dry_run: true })).total);
}

/** The job, after its first runs. */
export async function createBulkAction(...args: [input: unknown, key: string]): Promise<Outcome<BulkJob>> {
  return attempt(async () => {
    const [request, key] = z.tuple([createBulkRequest, keyText]).parse(args);
    const answer = await createBulk(await createSessionClient(), { ...request, dry_run: false }, key);
    return answer as BulkJob; // only a dry run answers a count
  });
}

export async function abortBulkAction(bulkId: string): Promise<Outcome<BulkJob>> {
  return attempt(async () => abortBulk(await createSessionClient(), uuid.parse(bulkId)));
}
