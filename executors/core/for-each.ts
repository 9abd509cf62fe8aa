import type { ChildRun } from "../../contracts/claim.ts";
import type { PhaseSpec } from "../../contracts/pipeline.ts";
import { PermanentError } from "./errors.ts";
import { mergeOutputs } from "./merge-outputs.ts";
import type { Attempt } from "./phase-context.ts";
import type { PhaseResult } from "./phase.ts";
import { outputArtifactName, readOutput } from "./phase-output.ts";

const childrenReadAtOnce = 8;

/**
 * A for_each phase: makes sure that every item has its child run. Answers "waiting" while one of them is open, else what
 * they made together. Throws PermanentError `child_failed` when all have ended and not all of them well.
 */
export async function fanOut(attempt: Attempt, phase: PhaseSpec, before: ReadonlySet<string>): Promise<PhaseResult | "waiting"> {
  const { controlPlane, lease, spec, claim, held } = attempt;
  const each = phase.for_each;
  if (each === undefined) throw new Error(`phase ${phase.name} has no for_each`);
  const items = each.items ?? listIn(claim.run.parameters[each.items_from ?? ""], phase.name, each.items_from ?? "");
  const alone: PhaseSpec = { ...phase };
  delete alone.for_each;
  const children = await controlPlane.createChildren(lease, {
    phase: phase.name,
    spec: { ...spec, quality: [], schedule: undefined, phases: [...spec.phases.filter(({ name }) => before.has(name)), alone] },
    children: items.map((item) => ({ key: String(item), parameters: { ...claim.run.parameters, [each.parameter]: item } })),
    ...(each.max_active === undefined ? {} : { max_active: each.max_active }),
  }, { signal: held });
  const count = (status: (child: ChildRun) => boolean): number => children.items.filter(status).length;
  const open = count(({ status }) => status === "queued" || status === "claimed" || status === "running");
  if (open > 0) {
    attempt.events.add({ type: "PHASE_PROGRESS", phase: phase.name, message: `${open} of ${items.length} child runs have not ended yet.`, data: { open, children: items.length } });
    return "waiting";
  }
  const failed = children.items.filter(({ status }) => status !== "succeeded");
  if (failed.length > 0) {
    const [first] = failed;
    throw new PermanentError("child_failed", `${failed.length} of ${items.length} child runs did not succeed; ${first?.key}: ${first?.error_message ?? first?.status ?? ""}`,
      { failed: failed.slice(0, 100).map(({ key, run_id, error_code }) => ({ key, run_id, error_code })) });
  }
  const parts = await readAll(attempt, children.items, phase.name);
  const output = mergeOutputs(parts);
  return { output, metrics: { children: items.length, rows: output.tables.reduce((sum, table) => sum + table.row_count, 0) } };
}

async function readAll(attempt: Attempt, children: ChildRun[], phase: string): Promise<{ key: string; output: PhaseResult["output"] }[]> {
  const parts: { key: string; output: PhaseResult["output"] }[] = [];
  for (let at = 0; at < children.length; at += childrenReadAtOnce) {
    parts.push(...(await Promise.all(children.slice(at, at + childrenReadAtOnce).map(async ({ key, run_id, output_sha256 }) => {
      const artifacts = await attempt.controlPlane.listArtifacts(run_id, { signal: attempt.work });
      const artifact = artifacts.find((one) => one.phase === phase && one.name === outputArtifactName(phase) && one.sha256 === output_sha256);
      if (artifact === undefined) throw new PermanentError("object_missing", `The output of item ${key} (run ${run_id}) is gone.`, { run_id });
      return { key, output: await readOutput(attempt.controlPlane, artifact, attempt.work) };
    }))));
  }
  return parts;
}

function listIn(value: unknown, phase: string, parameter: string): (string | number | boolean)[] {
  const items = Array.isArray(value) ? (value as unknown[]) : [];
  const plain = items.every((item) => typeof item === "string" ? item.length > 0 && item.length <= 200 : typeof item === "number" || typeof item === "boolean");
  if (items.length === 0 || items.length > 1000 || !plain || new Set(items.map(String)).size < items.length) {
    throw new PermanentError("invalid_parameters", `Phase ${phase} takes its items from the parameter ${parameter}, which must hold 1 to 1000 different texts, numbers or booleans.`);
  }
  return items as (string | number | boolean)[];
}
