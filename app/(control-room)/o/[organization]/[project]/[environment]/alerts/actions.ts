"use server";

import { z } from "zod";
import { changeAlertRuleRequest, createAlertRuleRequest, markNotificationRequest, previewAlertRuleRequest, type AlertPreview, type AlertRule, type MarkNotificationRequest, type Notification } from "@/contracts/alert.ts";
import { slug, uuid } from "@/contracts/common.ts";
import { parseOrRefuse } from "@/lib/api/input.ts";
import { changeAlertRule, createAlertRule, deleteAlertRule, markNotification, previewAlertRule } from "@/lib/ops/alerts.ts";
import { attempt, type Outcome } from "@/lib/ops/attempt.ts";
import { createSessionClient } from "@/lib/supabase/server.ts";

// What a browser sends is anybody's: each argument is parsed, and the database decides by the session's rights.
const place = z.object({ project: slug, environment: slug });

/** `where` is bound by the page, here and below. */
export async function createAlertRuleAction(where: z.infer<typeof place>, request: Record<string, unknown>): Promise<Outcome<AlertRule>> {
  return attempt(async () => createAlertRule(await createSessionClient(), parseOrRefuse(createAlertRuleRequest, { ...request, ...place.parse(where) }, "form", "")));
}

export async function previewAlertRuleAction(where: z.infer<typeof place>, request: Record<string, unknown>): Promise<Outcome<AlertPreview>> {
  return attempt(async () => previewAlertRule(await createSessionClient(), parseOrRefuse(previewAlertRuleRequest, { ...request, ...place.parse(where) }, "form", "")));
}

export async function changeAlertRuleAction(alertRuleId: string, change: Record<string, unknown>): Promise<Outcome<AlertRule>> {
  return attempt(async () => changeAlertRule(await createSessionClient(), uuid.parse(alertRuleId), parseOrRefuse(changeAlertRuleRequest, change, "form", "")));
}

export async function deleteAlertRuleAction(alertRuleId: string): Promise<Outcome<boolean>> {
  return attempt(async () => {
    await deleteAlertRule(await createSessionClient(), uuid.parse(alertRuleId));
    return true;
  });
}

export async function markNotificationAction(notificationId: string, request: MarkNotificationRequest): Promise<Outcome<Notification>> {
  return attempt(async () => markNotification(await createSessionClient(), uuid.parse(notificationId), parseOrRefuse(markNotificationRequest, request, "form", "")));
}
