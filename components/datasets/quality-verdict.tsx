import { CircleCheck, CircleX, ShieldAlert, TriangleAlert, type LucideIcon } from "lucide-react";
import type { QualityResult, QualityVerdict } from "@/contracts/quality.ts";
import { cn } from "@/lib/cn";
import { words } from "@/lib/messages/datasets";

export const verdictLooks: Record<QualityVerdict, { word: string; icon: LucideIcon; text: string; fill: string }> = {
  pass: { word: words.qualityVerdict.passed, icon: CircleCheck, text: "text-succeeded", fill: "bg-succeeded" },
  warn: { word: words.qualityVerdict.warned, icon: TriangleAlert, text: "text-warning", fill: "bg-warning" },
  quarantine: { word: words.qualityVerdict.quarantined, icon: ShieldAlert, text: "text-warning", fill: "bg-warning" },
  fail: { word: words.qualityVerdict.failed, icon: CircleX, text: "text-failed", fill: "bg-failed" },
};

export function QualityVerdictMark({ verdict }: { verdict: QualityVerdict }) {
  const { icon: Icon, word, text } = verdictLooks[verdict];
  return <span className={cn("inline-flex items-center gap-1.5 align-middle text-xs font-medium whitespace-nowrap", text)}><Icon className="size-3.5 shrink-0" aria-hidden />{word}</span>;
}

/** The columns that came, went or changed their type, where a check says so. */
export function Drift({ facts }: { facts: QualityResult["facts"] }) {
  const kinds = (["added", "removed", "retyped"] as const).filter((kind) => Array.isArray(facts[kind]));
  if (kinds.length === 0) return null;
  return <span className="block text-xs text-muted-foreground">{kinds.map((kind) => `${kind}: ${(facts[kind] as string[]).join(", ")}`).join("; ")}</span>;
}
