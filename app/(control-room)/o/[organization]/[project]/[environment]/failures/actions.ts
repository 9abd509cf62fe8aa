"use server";

import { uuid } from "@/contracts/common.ts";
import { markFailureRequest, type Failure } from "@/contracts/failure.ts";
import { parseOrRefuse } from "@/lib/api/input.ts";
import { attempt, type Outcome } from "@/lib/ops/attempt.ts";
import { markFailure } from "@/lib/ops/failures.ts";
import { createSessionClient } from "@/lib/supabase/server.ts";

// What a browser sends is anybody's: each argument is parsed, and the database decides by the session's rights.
export async function markFailureAction(runId: string, mark: string, reason: string): Promise<Outcome<Failure>> {
  return attempt(async () => markFailure(await createSessionClient(), uuid.parse(runId), parseOrRefuse(markFailureRequest, { mark, ...(reason.trim() === "" ? {} : { reason }) }, "form", "")));
}
