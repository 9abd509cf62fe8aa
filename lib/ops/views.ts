import "server-only";
import type { z } from "zod";
import type { saveViewRequest, View, ViewList, Views } from "@/contracts/view.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { callRpc } from "./rpc.ts";

/** The project's shared views of a list and the caller's own, by name. Throws `not_found`. */
export function listViews(db: Db, project_id: string, list: ViewList): Promise<Views> {
  return callRpc(db, "list_views", { project_id, list });
}

/** Throws `not_found`, `forbidden` (to share: operator; another's: admin), `conflict` for a name that is taken, `invalid_input`. */
export function saveView(db: Db, request: z.input<typeof saveViewRequest>): Promise<View> {
  return callRpc(db, "save_view", { request });
}

/** Throws `not_found`, `forbidden`. */
export async function deleteView(db: Db, view_id: string): Promise<void> {
  await callRpc(db, "delete_view", { view_id });
}

/** What a person keeps for itself in a project; null takes it away. Throws `not_found`, `forbidden` for a token. */
export async function putPersonalSetting(db: Db, project_id: string, key: `default_view.${ViewList}` | "checklist_dismissed", value: string | null): Promise<void> {
  await callRpc(db, "put_personal_setting", { project_id, key, value });
}
