import { CircleCheck, CirclePause, CircleX, type LucideIcon, TriangleAlert } from "lucide-react";
import type { Cap, CapScope } from "@/contracts/cap";
import type { capPeriods, capUnits } from "@/contracts/words";
import type { CapReportRow } from "@/contracts/cap-report";
import { formatBytes, formatCount, formatDuration } from "@/lib/format";
import { words } from "@/lib/messages/caps";
import { locale } from "@/lib/messages/language";

type Unit = (typeof capUnits)[number];
export const unitWords: Record<Unit, string> = words.terms.unit;
export const periodWords: Record<(typeof capPeriods)[number], string> = words.terms.period;
export const scopeWords: Record<CapScope, { word: string; description: string }> = {
  environment: { word: words.terms.thisEnvironment, description: words.terms.itsRunsShareTheLimit },
  project: { word: words.terms.theWholeProject, description: words.terms.theWholeProjectDescription },
  organization: { word: words.terms.theWholeOrganization, description: words.terms.theWholeOrganizationDescription },
};
export const stateLooks: Record<CapReportRow["state"], { word: string; icon: LucideIcon; variant: "default" | "succeeded" | "warning" | "failed" }> = {
  off: { word: words.terms.off, icon: CirclePause, variant: "default" },
  ok: { word: words.terms.enough, icon: CircleCheck, variant: "succeeded" },
  will_run_out: { word: words.terms.willRunOut, icon: TriangleAlert, variant: "warning" },
  exhausted: { word: words.terms.usedUp, icon: CircleX, variant: "failed" },
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
