import { z } from "zod";
import type { capAllowRequest, Cap, CapScope, changeCapRequest, createCapRequest, listCapsQuery } from "@/contracts/cap.ts";
import { uuid } from "@/contracts/common.ts";
import { assertNever } from "@/contracts/words.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { resolveOrganization } from "./audit.ts";
import { resolveEnvironment, resolveProject } from "./environments.ts";
import { decodeCursor, pageOf } from "./keyset.ts";
import { callRpc } from "./rpc.ts";

/** Caps by key, with their use in the window of now. Throws `not_found`. */
export async function listCaps(db: Db, filter: z.output<typeof listCapsQuery>): Promise<{ items: Cap[]; next_cursor: string | null }> {
  const after = decodeCursor(filter.cursor, [z.string().max(200), uuid]);
  const rows = await callRpc(db, "list_caps", {
    environment_id: filter.environment_id ?? null, after_key: after?.[0] ?? null, after_cap_id: after?.[1] ?? null, max_items: filter.limit + 1,
  });
  return pageOf(rows, filter.limit, (row) => [row.cap_key, row.cap_id]);
}

/** Throws `not_found`, `forbidden`, `conflict`, `invalid_input`. */
export async function createCap(db: Db, body: z.output<typeof createCapRequest>): Promise<Cap> {
  const { scope, environment, project, organization, ...cap } = body;
  return callRpc(db, "save_cap", { request: { ...cap, ...(await held(db, scope, { environment, project, organization })) } });
}

/** The one environment, project or organization that is meant, by its id. */
async function held(db: Db, scope: CapScope, wanted: { environment?: string; project?: string; organization?: string }) {
  switch (scope) {
    case "environment": return { environment_id: (await resolveEnvironment(db, wanted)).environment_id };
    case "project": return { project_id: (await resolveProject(db, wanted, "admin")).project_id };
    case "organization": return { organization_id: (await resolveOrganization(db, wanted.organization)).organization_id };
    default: return assertNever(scope);
  }
}

/** Throws `not_found`, `forbidden`. */
export function changeCap(db: Db, capId: string, change: z.output<typeof changeCapRequest>): Promise<Cap> {
  return callRpc(db, "save_cap", { request: { ...change, cap_id: capId } });
}

/** May so much be used now? With a lease, a yes reserves it. Throws `not_found`, `forbidden`, `lease_lost`. */
export async function capAllow(db: Db, body: z.output<typeof capAllowRequest>, leaseToken: string | undefined) {
  const { environment, project, cap_key, amount, run_id } = body;
  if (leaseToken !== undefined && run_id !== undefined) return callRpc(db, "cap_allow", { cap_key, amount, run_id, lease_token: leaseToken });
  const { environment_id } = await resolveEnvironment(db, { environment, project });
  return callRpc(db, "cap_allow", { cap_key, amount, environment_id });
}
