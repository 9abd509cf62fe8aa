import { CircleCheck, CirclePause, CircleX, type LucideIcon, TriangleAlert } from "lucide-react";
import type { Cap, CapScope, capPeriods, capUnits } from "@/contracts/cap";
import type { CapReportRow } from "@/contracts/cap-report";
import { formatBytes, formatCount, formatDuration } from "@/lib/format";
import { locale } from "@/lib/messages/language";

type Unit = (typeof capUnits)[number];
export const unitWords: Record<Unit, string> = { runs: "Runs", seconds: "Seconds of running", rows: "Rows", bytes: "Bytes", cost: "Cost" };
export const periodWords: Record<(typeof capPeriods)[number], string> = { hour: "an hour", day: "a day", week: "a week", month: "a month" };
export const scopeWords: Record<CapScope, { word: string; description: string }> = {
  environment: { word: "This environment", description: "Its runs share the limit." },
  project: { word: "The whole project", description: "Runs of all its environments share the limit. Needs the role admin of the project." },
  organization: { word: "The whole organization", description: "Runs of all its projects share the limit. Needs the role admin of the organization." },
};
export const stateLooks: Record<CapReportRow["state"], { word: string; icon: LucideIcon; variant: "default" | "succeeded" | "warning" | "failed" }> = {
  off: { word: "Off", icon: CirclePause, variant: "default" },
  ok: { word: "Enough", icon: CircleCheck, variant: "succeeded" },
  will_run_out: { word: "Will run out", icon: TriangleAlert, variant: "warning" },
  exhausted: { word: "Used up", icon: CircleX, variant: "failed" },
};

/** An amount as people read it: a decimal as text, or the forecast's number. */
export function amountWords(unit: Unit, amount: string | number): string {
  const value = Number(amount);
  switch (unit) {
    case "bytes": return formatBytes(value);
    case "seconds": return formatDuration(value * 1000);
    case "cost": return value.toLocaleString(locale, { maximumFractionDigits: 2 });
    default: return `${formatCount(Math.round(value))} ${unit}`;
  }
}

export function limitWords({ unit, limit_amount, period }: Pick<Cap, "unit" | "limit_amount" | "period">): string {
  return `${amountWords(unit, limit_amount)}${unit === "cost" ? " of cost" : ""} ${periodWords[period]}`;
}
