import { z } from "zod";
import type { Artifact } from "../../contracts/artifact.ts";
import { jsonObject } from "../../contracts/common.ts";
import type { ControlPlane } from "./control-plane.ts";
import { PermanentError } from "./errors.ts";
import { sha256OfJson } from "./hash.ts";
import type { PhaseOutput, StagedFile, StagedTable } from "./phase.ts";

const phaseOutput = z.object({ tables: z.array(z.unknown()), facts: jsonObject });

export function outputArtifactName(phase: string): string {
  return `${phase}.output.json`;
}

/** A phase's output, from the manifest that it stored. Throws PermanentError `object_missing` where it is not one. */
export async function readOutput(controlPlane: Pick<ControlPlane, "readArtifact">, artifact: Artifact, signal: AbortSignal): Promise<PhaseOutput> {
  const text = new TextDecoder().decode(await controlPlane.readArtifact(artifact, { signal }));
  const parsed = phaseOutput.safeParse(JSON.parse(text));
  if (!parsed.success) throw new PermanentError("object_missing", `The artifact ${artifact.name} is not a phase's output.`, { phase: artifact.phase });
  return parsed.data as PhaseOutput;
}

/** The hash of a table's content: its columns and its files, with the partition values that only a file has. */
export function contentSha256(columns: StagedTable["columns"], files: Pick<StagedFile, "sha256" | "partition_values">[]): string {
  return sha256OfJson({ columns, files: files.map(({ sha256, partition_values }) => (partition_values === undefined ? sha256 : { sha256, partition_values })) });
}
