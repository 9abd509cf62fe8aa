import type { Artifact } from "../../contracts/artifact.ts";
import type { Claim } from "../../contracts/claim.ts";
import type { ControlPlane } from "./control-plane.ts";
import { PermanentError } from "./errors.ts";
import type { PhaseOutput } from "./phase.ts";
import { outputArtifactName, readOutput } from "./phase-output.ts";

/**
 * Outputs of the phases that an earlier holder of the run, or the run that this one repairs, has already executed: read
 * from their manifests and verified. Throws PermanentError `object_missing` where one is gone.
 */
export async function restoreOutputs(controlPlane: ControlPlane, claim: Claim, signal: AbortSignal): Promise<Map<string, { output: PhaseOutput; sha256: string }>> {
  const done = claim.phases.filter((phase) => phase.status === "succeeded" || phase.status === "reused");
  const outputs = new Map<string, { output: PhaseOutput; sha256: string }>();
  if (done.length === 0) return outputs;
  const artifacts = await controlPlane.listArtifacts(claim.run.run_id, { signal });
  const earlier = async (): Promise<Artifact[]> => (claim.run.repairs_run_id === null ? [] : controlPlane.listArtifacts(claim.run.repairs_run_id, { signal }));
  let repaired: Artifact[] | undefined;
  for (const phase of done) {
    const isOutput = (artifact: Artifact): boolean => artifact.phase === phase.name && artifact.name === outputArtifactName(phase.name) && artifact.sha256 === phase.output_sha256;
    const artifact = artifacts.find(isOutput) ?? (repaired ??= await earlier()).find(isOutput);
    if (artifact === undefined) throw new PermanentError("object_missing", `The output of phase ${phase.name} is gone. Run it again with every phase (mode all).`, { phase: phase.name });
    outputs.set(phase.name, { output: await readOutput(controlPlane, artifact, signal), sha256: artifact.sha256 });
  }
  return outputs;
}
