import type { PhaseSpec } from "../../contracts/pipeline.ts";

/** `elsewhere`: this executor cannot do it; `waiting`: its child runs have not ended. What depends on either waits. */
export type PhaseState = "pending" | "running" | "elsewhere" | "waiting" | "succeeded" | "reused" | "failed" | "skipped_after_failure" | "skipped_by_condition";
type Step = Pick<PhaseSpec, "name" | "depends_on" | "run_if">;

export interface Decision { name: string; action: "run" | "skip_after_failure" | "skip_by_condition" }

/**
 * What may be done now: every pending phase whose dependencies have all ended, in the order of the spec. A phase that
 * was skipped because something before it failed counts as failed for `run_if: one_failed`, so that a phase that
 * reports failures sees those further up.
 */
export function decide(phases: readonly Step[], states: ReadonlyMap<string, PhaseState>): Decision[] {
  const decisions: Decision[] = [];
  for (const phase of phases) {
    if (states.get(phase.name) !== "pending") continue;
    const before = phase.depends_on.map((name) => states.get(name) ?? "pending");
    if (before.some((state) => state === "pending" || state === "running" || state === "elsewhere" || state === "waiting")) continue;
    decisions.push({ name: phase.name, action: actionFor(phase.run_if, before) });
  }
  return decisions;
}

function actionFor(runIf: Step["run_if"], before: PhaseState[]): Decision["action"] {
  const failed = before.some((state) => state === "failed" || state === "skipped_after_failure");
  const allSucceeded = before.every((state) => state === "succeeded" || state === "reused");
  switch (runIf) {
    case "all_done": return "run";
    case "one_failed": return failed ? "run" : "skip_by_condition";
    case "all_success": return allSucceeded ? "run" : failed ? "skip_after_failure" : "skip_by_condition";
  }
}
