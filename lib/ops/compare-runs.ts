import type { Artifact } from "@/contracts/artifact.ts";
import type { RunComparison, RunPhase } from "@/contracts/run.ts";
import { verificationReportName } from "@/contracts/verification.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { listArtifacts } from "./artifacts.ts";
import { listPhases } from "./phases.ts";

type Verdict = RunComparison["phases"][number]["verdict"];
/** Logs and checkpoints tell how a run went, not what came out of it. */
export const producedKinds: readonly Artifact["kind"][] = ["dataset", "report", "manifest"];

/** Are the outputs of two runs equal, by the hashes of their phases and artifacts? Throws `not_found`. */
export async function compareRuns(db: Db, a: string, b: string): Promise<RunComparison> {
  const [phasesA, phasesB, artifactsA, artifactsB] = await Promise.all([listPhases(db, a), listPhases(db, b), listArtifacts(db, a), listArtifacts(db, b)]);
  return { a, b, ...compareOutputs({ phases: phasesA.items, artifacts: artifactsA.items }, { phases: phasesB.items, artifacts: artifactsB.items }) };
}

export interface Outputs {
  phases: Pick<RunPhase, "name" | "status" | "output_sha256">[];
  artifacts: Pick<Artifact, "phase" | "name" | "kind" | "sha256">[];
}

/**
 * `differs` where any output differs or exists on one side only; else `unknown` where a phase has not succeeded or was
 * reused (its hash proves nothing about this run), or nothing could be compared; else `equal`. Skipped phases, such as
 * the publish phase of a verification, and their artifacts count neither way.
 */
export function compareOutputs(a: Outputs, b: Outputs): Omit<RunComparison, "a" | "b"> {
  const phaseOf = (outputs: Outputs, name: string | null) => outputs.phases.find((phase) => phase.name === name);
  const names = [...new Set([...a.phases, ...b.phases].map((phase) => phase.name))];
  let unproven = false;
  const phases = names.map((name): RunComparison["phases"][number] => {
    const [left, right] = [phaseOf(a, name), phaseOf(b, name)];
    const hashes = { a_sha256: left?.output_sha256 ?? null, b_sha256: right?.output_sha256 ?? null };
    const statuses = [left?.status, right?.status];
    if (statuses.includes("skipped")) return { name, ...hashes, verdict: "not_compared" };
    if (statuses.some((status) => status !== undefined && status !== "succeeded")) {
      unproven = true;
      return { name, ...hashes, verdict: "not_compared" };
    }
    return { name, ...hashes, verdict: left === undefined ? "only_b" : right === undefined ? "only_a" : verdictOf(hashes) };
  });
  const uncompared = new Set(phases.filter((phase) => phase.verdict === "not_compared" && !bothSucceeded(phaseOf(a, phase.name), phaseOf(b, phase.name))).map((phase) => phase.name));

  const keyOf = (each: Outputs["artifacts"][number]): string => JSON.stringify([each.phase, each.name]);
  const byKey = (outputs: Outputs) => new Map(outputs.artifacts.filter((each) => producedKinds.includes(each.kind) && !isVerificationReport(each)).map((each) => [keyOf(each), each]));
  const [leftByKey, rightByKey] = [byKey(a), byKey(b)];
  const artifacts = [...new Set([...leftByKey.keys(), ...rightByKey.keys()])].map((key): RunComparison["artifacts"][number] => {
    const [left, right] = [leftByKey.get(key), rightByKey.get(key)];
    const { phase = null, name = "" } = left ?? right ?? {};
    const hashes = { a_sha256: left?.sha256 ?? null, b_sha256: right?.sha256 ?? null };
    return { phase, name, ...hashes, verdict: phase !== null && uncompared.has(phase) ? ("not_compared") : verdictOf(hashes) };
  });

  const verdicts = [...phases, ...artifacts].map((each) => each.verdict);
  if (verdicts.some((each) => each === "differs" || each === "only_a" || each === "only_b")) return { verdict: "differs", phases, artifacts };
  return { verdict: unproven || !verdicts.includes("equal") ? "unknown" : "equal", phases, artifacts };
}

/** It tells of the comparison itself. */
function isVerificationReport({ phase, name }: Outputs["artifacts"][number]): boolean {
  return phase === null && name === verificationReportName;
}

function bothSucceeded(a: Outputs["phases"][number] | undefined, b: Outputs["phases"][number] | undefined): boolean {
  return a?.status === "succeeded" && b?.status === "succeeded";
}

function verdictOf({ a_sha256: a, b_sha256: b }: { a_sha256: string | null; b_sha256: string | null }): Verdict {
  if (a === null && b === null) return "not_compared";
  if (a === null) return "only_b";
  if (b === null) return "only_a";
  return a === b ? "equal" : "differs";
}
