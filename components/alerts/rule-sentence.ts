import { writeSeconds } from "@/components/runs/duration-words";
import type { AlertRule } from "@/contracts/alert";
import { words } from "@/lib/messages/alerts";

/** What a rule does, in plain words. */
export function ruleSentence({ condition, for_minutes, severity }: Pick<AlertRule, "condition" | "for_minutes" | "severity">): string {
  return words.sentence(condition, for_minutes, severity, writeSeconds);
}
