"use server";

import { z } from "zod";
import { ControlRoomError } from "@/contracts/error.ts";
import { createRunRequest } from "@/contracts/run.ts";
import type { StartRequest } from "@/components/pipelines/run-form";
import { attempt, type Outcome } from "@/lib/ops/attempt.ts";
import { createRun } from "@/lib/ops/create-run.ts";
import { createSessionClient } from "@/lib/supabase/server.ts";

const keyInput = z.string().min(1).max(200);

/** Queues a run as POST /api/v1/runs does; the errors name the fields by JSON pointer. */
export async function startRunAction(...args: [request: StartRequest, key: string]): Promise<Outcome<{ run_id: string }>> {
  return attempt(async () => {
    const [request, key] = args;
    const parsed = createRunRequest.safeParse(request);
    if (!parsed.success) {
      const errors = parsed.error.issues.map((issue) => ({ path: `/${issue.path.join("/")}`, message: issue.message }));
      throw new ControlRoomError("invalid_input", undefined, { errors });
    }
    const { run } = await createRun(await createSessionClient(), parsed.data, { trigger: "manual", idempotency_key: keyInput.parse(key) });
    return { run_id: run.run_id };
  });
}
