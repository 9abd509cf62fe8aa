import "server-only";
import type { Session } from "@/contracts/session.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { callRpc } from "./rpc.ts";

/** The caller's own, last used first. */
export async function listSessions(db: Db): Promise<{ items: Session[]; next_cursor: null }> {
  return { items: await callRpc(db, "list_sessions", {}), next_cursor: null };
}

/** It is refused from its next request on. Throws `not_found` for one that is not the caller's. */
export async function revokeSession(db: Db, session_id: string): Promise<void> {
  await callRpc(db, "revoke_session", { session_id });
}
