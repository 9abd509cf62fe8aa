import { BellOff, BellRing, CircleCheck, Eye, type LucideIcon } from "lucide-react";
import type { AlertRule, NotificationStatus } from "@/contracts/alert";

type Variant = "default" | "outline" | "failed" | "warning" | "succeeded";
export const severityLooks: Record<AlertRule["severity"], Variant> = { info: "outline", warning: "warning", critical: "failed" };
export const notificationLooks: Record<NotificationStatus, { icon: LucideIcon; variant: Variant }> = {
  firing: { icon: BellRing, variant: "failed" }, acknowledged: { icon: Eye, variant: "default" }, snoozed: { icon: BellOff, variant: "warning" }, resolved: { icon: CircleCheck, variant: "succeeded" },
};
