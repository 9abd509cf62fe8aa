import "server-only";
import type { z } from "zod";
import { uuid } from "@/contracts/common.ts";
import { ControlRoomError } from "@/contracts/error.ts";
import { delivery, webhook, type Delivery, type listDeliveriesQuery, type putWebhookRequest, type Webhook } from "@/contracts/webhook.ts";
import { required } from "@/lib/env.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { resolveProject } from "./environments.ts";
import { decodeCursor, pageOf } from "./keyset.ts";
import { callRpc, columns, readRows } from "./rpc.ts";
import { refusedUrl } from "./webhook-post.ts";

interface Project { project?: string }

/** Throws `not_found` where the project has none. */
export async function getWebhook(db: Db, { project }: Project): Promise<Webhook> {
  const { project_id } = await resolveProject(db, { project }, "admin");
  const [found] = await readRows(webhook, db.from("webhooks").select(columns(webhook.shape)).eq("project_id", project_id));
  if (found === undefined) throw new ControlRoomError("not_found", "The project has no webhook. Set it with PUT /webhook.");
  return found;
}

/** Throws `invalid_input` for an address that nothing may be sent to, `not_configured` where nothing can be signed. */
export async function putWebhook(db: Db, { project }: Project, body: z.output<typeof putWebhookRequest>): Promise<Webhook> {
  required("CONTROL_ROOM_SIGNING_KEY");
  const { project_id } = await resolveProject(db, { project }, "admin");
  const refused = refusedUrl(body.url);
  if (refused !== null) throw new ControlRoomError("invalid_input", `The URL ${refused}.`, { errors: [{ path: "/url", message: refused }] });
  return callRpc(db, "put_webhook", { project_id, ...body });
}

export async function deleteWebhook(db: Db, { project }: Project): Promise<void> {
  await callRpc(db, "delete_webhook", { project_id: (await resolveProject(db, { project }, "admin")).project_id });
}

export async function testWebhook(db: Db, { project }: Project): Promise<Delivery> {
  return callRpc(db, "test_webhook", { project_id: (await resolveProject(db, { project }, "admin")).project_id });
}

/** The delivery log, newest first. */
export async function listDeliveries(db: Db, { project, status, limit, cursor }: z.output<typeof listDeliveriesQuery>): Promise<{ items: Delivery[]; next_cursor: string | null }> {
  const before = decodeCursor(cursor, [uuid])?.[0];
  const { project_id } = await resolveProject(db, { project }, "admin");
  let query = db.from("webhook_deliveries").select(columns(delivery.shape)).eq("project_id", project_id);
  if (status !== undefined) query = query.eq("status", status);
  if (before !== undefined) query = query.lt("delivery_id", before);
  const rows = await readRows(delivery, query.order("delivery_id", { ascending: false }).limit(limit + 1));
  return pageOf(rows, limit, (row) => [row.delivery_id]);
}

/** Throws `not_found`, `illegal_transition` where it has arrived. */
export function retryDelivery(db: Db, delivery_id: string): Promise<Delivery> {
  return callRpc(db, "retry_delivery", { delivery_id });
}
