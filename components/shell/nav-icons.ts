import { BellRing, Cable, CalendarClock, CircleX, Cpu, Database, Gauge, HeartPulse, KeyRound, ListChecks, LockKeyhole, type LucideIcon, ScrollText, Settings, ShieldAlert, Users, Waypoints, Webhook, Workflow } from "lucide-react";
import type { navEntries } from "./nav";

/** Apart from the entries, so that what only reads addresses and keys loads no picture. */
export const navIcons: Record<(typeof navEntries)[number]["href"], LucideIcon> = {
  "/overview": Gauge,
  "/runs": ListChecks,
  "/failures": CircleX,
  "/alerts": BellRing,
  "/pipelines": Workflow,
  "/schedules": CalendarClock,
  "/executors": Cpu,
  "/datasets": Database,
  "/lineage": Waypoints,
  "/caps": ShieldAlert,
  "/connections": Cable,
  "/secrets": LockKeyhole,
  "/members": Users,
  "/tokens": KeyRound,
  "/webhook": Webhook,
  "/audit": ScrollText,
  "/health": HeartPulse,
  "/settings": Settings,
};
