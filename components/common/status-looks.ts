import {
  Ban,
  CircleCheck,
  CircleDashed,
  CircleX,
  Clock,
  Inbox,
  Loader,
  type LucideIcon,
  RotateCw,
  ShieldAlert,
  SkipForward,
  Recycle,
  TriangleAlert,
} from "lucide-react";
import type { PhaseStatus, RunStatus } from "@/contracts/run.ts";
import { messages } from "@/lib/messages";

export type DerivedStatus = keyof typeof messages.derivedStatus;

export type StatusLook = {
  word: string;
  /** One sentence for the tooltip. */
  description: string;
  icon: LucideIcon;
  /** Text colour on the page. */
  text: string;
  /** Soft ground and text of the badge. */
  badge: string;
  /** Solid fill of bars and dots. */
  fill: string;
  /** The same colour for charts and SVG. */
  variable: `--${string}`;
  spins: boolean;
};

// Whole class names, because Tailwind finds classes by reading the source.
const hues = {
  queued: { text: "text-queued", badge: "bg-queued-soft text-queued", fill: "bg-queued", variable: "--queued" },
  claimed: { text: "text-claimed", badge: "bg-claimed-soft text-claimed", fill: "bg-claimed", variable: "--claimed" },
  running: { text: "text-running", badge: "bg-running-soft text-running", fill: "bg-running", variable: "--running" },
  succeeded: { text: "text-succeeded", badge: "bg-succeeded-soft text-succeeded", fill: "bg-succeeded", variable: "--succeeded" },
  failed: { text: "text-failed", badge: "bg-failed-soft text-failed", fill: "bg-failed", variable: "--failed" },
  canceled: { text: "text-canceled", badge: "bg-canceled-soft text-canceled", fill: "bg-canceled", variable: "--canceled" },
  reused: { text: "text-reused", badge: "bg-reused-soft text-reused", fill: "bg-reused", variable: "--reused" },
  warning: { text: "text-warning", badge: "bg-warning-soft text-warning", fill: "bg-warning", variable: "--warning" },
} as const satisfies Record<string, Pick<StatusLook, "text" | "badge" | "fill" | "variable">>;

/** The one map from a state to how it looks; badges, timelines and charts all read it. */
export const runStatusLooks: Record<RunStatus, StatusLook> = {
  queued: { ...messages.runStatus.queued, ...hues.queued, icon: Clock, spins: false },
  claimed: { ...messages.runStatus.claimed, ...hues.claimed, icon: Inbox, spins: false },
  running: { ...messages.runStatus.running, ...hues.running, icon: Loader, spins: true },
  succeeded: { ...messages.runStatus.succeeded, ...hues.succeeded, icon: CircleCheck, spins: false },
  failed: { ...messages.runStatus.failed, ...hues.failed, icon: CircleX, spins: false },
  canceled: { ...messages.runStatus.canceled, ...hues.canceled, icon: Ban, spins: false },
};

export const phaseStatusLooks: Record<PhaseStatus, StatusLook> = {
  pending: { ...messages.phaseStatus.pending, ...hues.queued, icon: CircleDashed, spins: false },
  running: { ...messages.phaseStatus.running, ...hues.running, icon: Loader, spins: true },
  succeeded: { ...messages.phaseStatus.succeeded, ...hues.succeeded, icon: CircleCheck, spins: false },
  failed: { ...messages.phaseStatus.failed, ...hues.failed, icon: CircleX, spins: false },
  skipped: { ...messages.phaseStatus.skipped, ...hues.queued, icon: SkipForward, spins: false },
  reused: { ...messages.phaseStatus.reused, ...hues.reused, icon: Recycle, spins: false },
};

export const derivedStatusLooks: Record<DerivedStatus, StatusLook> = {
  stale_lease: { ...messages.derivedStatus.stale_lease, ...hues.warning, icon: TriangleAlert, spins: false },
  retrying: { ...messages.derivedStatus.retrying, ...hues.warning, icon: RotateCw, spins: false },
  blocked_by_cap: { ...messages.derivedStatus.blocked_by_cap, ...hues.warning, icon: ShieldAlert, spins: false },
};
