import type { Artifact, ArtifactKind, RegisterArtifactRequest } from "../../contracts/artifact.ts";
import type { CallOptions, ControlPlane, Lease } from "./control-plane.ts";
import { tidyObject } from "./outcome.ts";
import type { Redactor } from "./redactor.ts";
import type { Scratch } from "./scratch.ts";
import { prepareUpload, type ArtifactContent } from "./upload.ts";

export interface NewArtifact {
  phase: string | null;
  name: string;
  kind: ArtifactKind;
  content_type: string;
  content: ArtifactContent;
  metadata?: Record<string, unknown>;
}

/** Stores the bytes where the environment does not have them yet, then registers the artifact. Repeating it changes nothing. */
export async function addArtifact(controlPlane: ControlPlane, lease: Lease, environment_id: string, input: NewArtifact, files: Pick<Scratch, "hash" | "stream">, redact: Redactor, options: CallOptions = {}): Promise<Artifact> {
  return controlPlane.registerArtifact(lease, await stored(controlPlane, environment_id, input, files, redact, options), options);
}

/** The same for whoever needs no more of it than its hash, which this answers: its registration may travel with what comes next. */
export async function keepArtifact(controlPlane: ControlPlane, lease: Lease, environment_id: string, input: NewArtifact, files: Pick<Scratch, "hash" | "stream">, redact: Redactor, options: CallOptions = {}): Promise<{ sha256: string }> {
  const request = await stored(controlPlane, environment_id, input, files, redact, options);
  await controlPlane.keepArtifact(lease, request, options);
  return request;
}

async function stored(controlPlane: ControlPlane, environment_id: string, input: NewArtifact, files: Pick<Scratch, "hash" | "stream">, redact: Redactor, options: CallOptions): Promise<RegisterArtifactRequest> {
  const upload = await prepareUpload(input.content, environment_id, files, isText(input.content_type) ? redact : null);
  await controlPlane.uploadObject(upload, options);
  return {
    phase: input.phase, name: input.name, kind: input.kind, content_type: input.content_type,
    byte_size: upload.byte_size, sha256: upload.sha256, metadata: tidyObject(input.metadata ?? {}),
  };
}

/** Secrets are taken out of texts; the bytes of a table stay as they are. */
function isText(contentType: string): boolean {
  return /^text\/|^application\/(json|sql|xml|yaml|x-ndjson)\b|\+(json|xml)\b/.test(contentType);
}
