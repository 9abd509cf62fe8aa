import { z } from "zod";
import { jsonObject, page, pageQuery, slug, text, timestamp, uuid } from "./common.ts";
import { webhookEvents } from "./words.ts";

export const deliveryTypes = [...webhookEvents, "webhook.test"] as const;
export const deliveryStatuses = ["pending", "delivered", "failed"] as const;

export const webhook = z.object({
  project_id: uuid,
  url: z.string(),
  enabled: z.boolean(),
  events: z.array(z.enum(webhookEvents)),
  created_at: timestamp,
  updated_at: timestamp,
}).meta({ id: "Webhook" });
export type Webhook = z.infer<typeof webhook>;

export const putWebhookRequest = z.strictObject({
  url: text.max(2000).regex(/^https?:\/\/[^\s@/?#]+([/?#]\S*)?$/, "an https:// URL without a user name"),
  enabled: z.boolean().default(true),
  events: z.array(z.enum(webhookEvents)).min(1).max(webhookEvents.length).default([...webhookEvents]),
}).meta({ id: "PutWebhookRequest" });

export const delivery = z.object({
  delivery_id: uuid.describe("sent as webhook-id, the same at every attempt"),
  project_id: uuid,
  run_id: uuid.nullable(),
  executor_id: uuid.nullable(),
  type: z.enum(deliveryTypes),
  payload: jsonObject.describe("{ type, timestamp, data }; `route` in data says who answers, or is null where the project has no routing matrix"),
  status: z.enum(deliveryStatuses),
  attempts: z.int(),
  max_attempts: z.int(),
  next_attempt_at: timestamp.nullable(),
  last_status: z.int().nullable().describe("HTTP status of the last attempt; null where there was no answer"),
  last_error: z.string().nullable(),
  created_at: timestamp,
  finished_at: timestamp.nullable(),
}).meta({ id: "WebhookDelivery" });
export type Delivery = z.infer<typeof delivery>;
export const deliveryPage = page(delivery).meta({ id: "WebhookDeliveryPage" });

/** Which project is meant; may be left out where the caller administers one. */
export const projectQuery = z.object({ project: slug.optional() });
export const listDeliveriesQuery = pageQuery.extend({ project: slug.optional(), status: z.enum(deliveryStatuses).optional() });

/** What the sender takes to send. */
export const takenDelivery = z.object({ delivery_id: uuid, attempt: z.int(), url: z.string(), payload: jsonObject });

export const webhookKey = z.object({
  algorithm: z.literal("ed25519"),
  public_key: z.string().describe("whpk_ and the 32 bytes in base64, as Standard Webhooks writes it"),
}).meta({ id: "WebhookKey" });
