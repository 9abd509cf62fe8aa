import type { ControlPlane } from "./control-plane.ts";
import type { Redactor } from "./redactor.ts";

/**
 * The same control plane, with secrets taken out of everything that an attempt says of its run. Logs, events and artifacts are redacted
 * where they are gathered, before they are cut to size: a secret that was cut in two would not be found here.
 */
export function withoutSecretsInWrites(controlPlane: ControlPlane, redact: Redactor): ControlPlane {
  return {
    ...controlPlane,
    setPhase: (lease, name, patch, options) => controlPlane.setPhase(lease, name, redact.value(patch), options),
    pinInputs: (lease, { datasets, sources }, options) => controlPlane.pinInputs(lease, { datasets, ...(sources === undefined ? {} : { sources: redact.value(sources) }) }, options),
    registerArtifact: (lease, request, options) => controlPlane.registerArtifact(lease, { ...request, ...redact.value({ name: request.name, metadata: request.metadata }) }, options),
    keepArtifact: (lease, request, options) => controlPlane.keepArtifact(lease, { ...request, ...redact.value({ name: request.name, metadata: request.metadata }) }, options),
    release: (lease, request, options) => controlPlane.release(lease, redact.value(request), options),
    complete: (lease, outputManifest, options) => controlPlane.complete(lease, redact.value(outputManifest), options),
    fail: (lease, request, options) => controlPlane.fail(lease, redact.value(request), options),
  };
}
