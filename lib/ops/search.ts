import "server-only";
import type { SearchHit } from "@/contracts/search.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { callRpc } from "./rpc.ts";

/** What is named so or has this id, the surest first, at most 60. Throws `not_found` for an environment that is not visible. */
export function search(db: Db, environment_id: string, query: string): Promise<SearchHit[]> {
  return callRpc(db, "search", { environment_id, query });
}
