import "server-only";
import type { z } from "zod";
import { ControlRoomError } from "@/contracts/error.ts";
import type { LineageReceiver, putLineageReceiverRequest } from "@/contracts/lineage-receiver.ts";
import type { recordLineageQuery } from "@/contracts/lineage.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { resolveEnvironment } from "./environments.ts";
import { sealReceiverKey } from "./receiver-key.ts";
import { callRpc } from "./rpc.ts";
import { refusedUrl } from "./webhook-post.ts";

type Place = z.output<typeof recordLineageQuery>;

/** Throws `not_found`, `forbidden`. */
export async function getLineageReceiver(db: Db, place: Place): Promise<LineageReceiver> {
  const { environment_id } = await resolveEnvironment(db, place);
  return callRpc(db, "get_lineage_receiver", { environment_id });
}

/** Throws `invalid_input` for an address that nothing may be sent to, `not_configured` where a key cannot be sealed. */
export async function putLineageReceiver(db: Db, place: Place, { url, enabled, api_key }: z.output<typeof putLineageReceiverRequest>): Promise<LineageReceiver> {
  const { environment_id } = await resolveEnvironment(db, place);
  const refused = refusedUrl(url);
  if (refused !== null) throw new ControlRoomError("invalid_input", `The URL ${refused}.`, { errors: [{ path: "/url", message: refused }] });
  const sealed_key = api_key == null ? null : sealReceiverKey(api_key, environment_id, url);
  return callRpc(db, "put_lineage_receiver", { environment_id, url, enabled, sealed_key, keep_key: api_key === undefined });
}

/** A repeat answers false. */
export async function deleteLineageReceiver(db: Db, place: Place): Promise<boolean> {
  const { environment_id } = await resolveEnvironment(db, place);
  return callRpc(db, "delete_lineage_receiver", { environment_id });
}
