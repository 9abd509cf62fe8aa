import { words } from "@/lib/messages/runs";

/** What the runs list can show beside status and name, in the order in which it is offered. */
export const runColumns = ["pipeline", "trigger", "started", "duration", "attempt", "executor", "kind", "created", "finished", "queue", "priority", "score", "checks", "labels", "error", "version", "git"] as const;
export type RunColumn = (typeof runColumns)[number];
export const defaultColumns: RunColumn[] = ["pipeline", "trigger", "started", "duration", "attempt", "executor"];

export const columnWords: Record<RunColumn, string> = words.columns.column;
