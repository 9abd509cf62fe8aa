import type { Delivery } from "@/contracts/webhook";
import type { webhookEvents } from "@/contracts/words";
import { words } from "@/lib/messages/webhook";

export const eventWords: Record<(typeof webhookEvents)[number], string> = words.terms.event;

export const deliveryStatusWords: Record<Delivery["status"], string> = words.terms.deliveryStatus;
