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

/** The project that a request means by its slug, or by what its caller administers. Throws `not_found`, `forbidden`, `invalid_input`. */
export async function administeredProject(db: Db, { project }: { project?: string }): Promise<string> {
  return (await resolveProject(db, { project }, "admin")).project_id;
}

/** Null where the project has none, or the reader does not administer all of it. */
export async function findWebhook(db: Db, project_id: string): Promise<Webhook | null> {
  const [found] = await readRows(webhook, db.from("webhooks").select(columns(webhook.shape)).eq("project_id", project_id));
  return found ?? null;
}

/** Throws `invalid_input` for an address that nothing may be sent to, `not_configured` where nothing can be signed. */
export async function putWebhook(db: Db, project_id: string, body: z.output<typeof putWebhookRequest>): Promise<Webhook> {
  required("CONTROL_ROOM_SIGNING_KEY");
  const refused = refusedUrl(body.url);
  if (refused !== null) throw new ControlRoomError("invalid_input", `The URL ${refused}.`, { errors: [{ path: "/url", message: refused }] });
  return callRpc(db, "put_webhook", { project_id, ...body });
}

/** A repeat answers false. */
export function deleteWebhook(db: Db, project_id: string): Promise<boolean> {
  return callRpc(db, "delete_webhook", { project_id });
}

export function testWebhook(db: Db, project_id: string): Promise<Delivery> {
  return callRpc(db, "test_webhook", { project_id });
}

export type DeliveryFilter = Partial<Omit<z.output<typeof listDeliveriesQuery>, "project">>;

/** The delivery log, newest first. */
export async function listDeliveries(db: Db, project_id: string, { status, limit = 50, cursor }: DeliveryFilter): Promise<{ items: Delivery[]; next_cursor: string | null }> {
  const before = decodeCursor(cursor, [uuid])?.[0];
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
