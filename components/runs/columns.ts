/** What the runs list can show beside status and name, in the order in which it is offered. */
export const runColumns = ["pipeline", "trigger", "started", "duration", "attempt", "executor", "kind", "created", "finished", "queue", "priority", "score", "checks", "labels", "error", "version", "git"] as const;
export type RunColumn = (typeof runColumns)[number];
export const defaultColumns: RunColumn[] = ["pipeline", "trigger", "started", "duration", "attempt", "executor"];

export const columnWords: Record<RunColumn, string> = {
  pipeline: "Pipeline", trigger: "Trigger", started: "Started", duration: "Duration", attempt: "Attempt", executor: "Executor", kind: "Kind", created: "Queued", finished: "Finished", queue: "Queue", priority: "Priority", score: "Score", checks: "Failed checks", labels: "Labels", error: "Error code", version: "Version", git: "Git commit",
};
