"use server";

import { z } from "zod";
import { uuid } from "@/contracts/common.ts";
import { attempt, type Outcome } from "@/lib/ops/attempt.ts";
import { callRpc } from "@/lib/ops/rpc.ts";
import { putPersonalSetting } from "@/lib/ops/views.ts";
import { createSessionClient } from "@/lib/supabase/server.ts";

// What a browser sends is anybody's: each argument is parsed, and the database decides by the session's rights.
const rename = z.tuple([z.enum(["organization", "project", "environment"]), uuid, z.string().trim().min(1).max(100)]);

export async function renameScopeAction(...args: [kind: "organization" | "project" | "environment", id: string, name: string]): Promise<Outcome<boolean>> {
  return attempt(async () => {
    const [kind, id, name] = rename.parse(args);
    return callRpc(await createSessionClient(), "rename_scope", { kind, id, name });
  });
}

/** Hides the first steps from this person's overview, or shows them again. */
export async function setChecklistAction(...args: [projectId: string, hidden: boolean]): Promise<Outcome<void>> {
  return attempt(async () => {
    const [projectId, hidden] = z.tuple([uuid, z.boolean()]).parse(args);
    await putPersonalSetting(await createSessionClient(), projectId, "checklist_dismissed", hidden ? "yes" : null);
  });
}
