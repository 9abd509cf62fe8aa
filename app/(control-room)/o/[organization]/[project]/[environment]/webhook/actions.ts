"use server";

import { uuid } from "@/contracts/common.ts";
import { putWebhookRequest, type Delivery, type Webhook } from "@/contracts/webhook.ts";
import { parseOrRefuse } from "@/lib/api/input.ts";
import { attempt, type Outcome } from "@/lib/ops/attempt.ts";
import { deleteWebhook, putWebhook, retryDelivery, testWebhook } from "@/lib/ops/webhooks.ts";
import { createSessionClient } from "@/lib/supabase/server.ts";

// What a browser sends is anybody's: each argument is parsed, and the database decides by the session's rights.
export async function saveWebhookAction(projectId: string, input: unknown): Promise<Outcome<Webhook>> {
  return attempt(async () => putWebhook(await createSessionClient(), uuid.parse(projectId), parseOrRefuse(putWebhookRequest, input, "body", "")));
}

export async function testWebhookAction(projectId: string): Promise<Outcome<Delivery>> {
  return attempt(async () => testWebhook(await createSessionClient(), uuid.parse(projectId)));
}

export async function deleteWebhookAction(projectId: string): Promise<Outcome<boolean>> {
  return attempt(async () => deleteWebhook(await createSessionClient(), uuid.parse(projectId)));
}

export async function retryDeliveryAction(deliveryId: string): Promise<Outcome<Delivery>> {
  return attempt(async () => retryDelivery(await createSessionClient(), uuid.parse(deliveryId)));
}
