import type { Delivery, webhookEvents } from "@/contracts/webhook";

export const eventWords: Record<(typeof webhookEvents)[number], string> = {
  "run.failed": "A run failed",
  "dataset.breached": "Data are older than a pipeline promises; once for a table group",
  "executor.offline": "An executor gave no sign of life for 90 s",
  "executor.online": "An executor is back",
  "alert.firing": "An alert rule found something",
  "alert.resolved": "What an alert rule found is over",
};

export const deliveryStatusWords: Record<Delivery["status"], string> = { pending: "Pending", delivered: "Delivered", failed: "Failed" };
