import "server-only";
import type { Checklist } from "@/contracts/checklist.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { callRpc } from "./rpc.ts";

/** Throws `not_found`. */
export function readChecklist(db: Db, environment_id: string): Promise<Checklist> {
  return callRpc(db, "read_checklist", { environment_id });
}
