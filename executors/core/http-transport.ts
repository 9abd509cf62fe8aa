import type { z } from "zod";
import { artifact } from "../../contracts/artifact.ts";
import { anyClaimsResponse, createChildrenResponse, heartbeatResponse, runState, withSpecs } from "../../contracts/claim.ts";
import { beginPublishResponse, datasetVersion, pinInputsResponse } from "../../contracts/dataset.ts";
import { appendEventsResponse } from "../../contracts/event.ts";
import { appendLogsResponse } from "../../contracts/log.ts";
import { recordQualityResponse } from "../../contracts/quality.ts";
import { reportsResponse } from "../../contracts/report.ts";
import { resealResponse, runSecrets } from "../../contracts/secret.ts";
import { runPhase } from "../../contracts/run.ts";
import type { CallOptions, ControlPlane, Lease } from "./control-plane.ts";
import { apiUrl, objectTransport, type HttpSettings } from "./object-transport.ts";
import { jsonAnswer, noRetry, patientRetry, remoteCall, type RetrySettings } from "./remote-call.ts";

const callTimeoutMs = 30_000;

/** The control room over /api/v1 with an executor's token. */
export function httpTransport(settings: HttpSettings): ControlPlane {
  function send<S extends z.ZodType>(
    method: "POST" | "PUT", path: string, body: unknown, schema: S, options: CallOptions = {}, lease?: Lease, retry: RetrySettings = patientRetry,
  ): Promise<z.output<S>> {
    const text = JSON.stringify(body);
    return remoteCall({
      method, url: apiUrl(settings, path), retry, signal: options.signal, timeout_ms: options.timeout_ms ?? callTimeoutMs,
      headers: { authorization: `Bearer ${settings.token}`, "content-type": "application/json", ...(lease === undefined ? {} : { "lease-token": lease.lease_token }) },
      body: () => text, answer: jsonAnswer(schema), leased: lease !== undefined,
    });
  }
  const ofRun = (lease: Lease, verb: string): string => `/runs/${lease.run_id}/${verb}`;

  return {
    ...objectTransport(settings),
    // A repeat could take more runs than there are slots, so the loop asks again instead.
    claim: (request, options = {}) => remoteCall({
      method: "POST", url: apiUrl(settings, "/claims"), retry: noRetry, signal: options.signal,
      timeout_ms: options.timeout_ms ?? callTimeoutMs + (request.wait_seconds ?? 0) * 1000,
      headers: { authorization: `Bearer ${settings.token}`, "content-type": "application/json" }, body: () => JSON.stringify({ ...request, share_specs: true }),
      answer: async (response) => (response.status === 204 ? { items: [], again: false, retry_after_ms: 0 } : withSpecs(await jsonAnswer(anyClaimsResponse)(response))),
    }),
    start: (lease, options) => send("POST", ofRun(lease, "start"), {}, runState, options, lease),
    heartbeat: (lease, request, options) => send("POST", ofRun(lease, "heartbeat"), request, heartbeatResponse, options, lease, noRetry),
    appendEvents: (lease, events, options) => send("POST", ofRun(lease, "events"), { events }, appendEventsResponse, options, lease),
    appendLogs: (lease, chunks, options) => send("POST", ofRun(lease, "logs"), { chunks }, appendLogsResponse, options, lease),
    setPhase: (lease, name, patch, options) => send("PUT", ofRun(lease, `phases/${name}`), patch, runPhase, options, lease),
    pinInputs: (lease, request, options) => send("POST", ofRun(lease, "inputs"), request, pinInputsResponse, options, lease),
    registerArtifact: (lease, request, options) => send("POST", ofRun(lease, "artifacts"), request, artifact, options, lease),
    keepArtifact: (lease, request, options) => send("POST", ofRun(lease, "artifacts"), request, artifact, options, lease),
    beginPublish: (lease, request, options) => send("POST", ofRun(lease, "datasets/intents"), request, beginPublishResponse, options, lease),
    publishDataset: (lease, request, options) => send("POST", ofRun(lease, "datasets"), request, datasetVersion, options, lease),
    recordQuality: (lease, request, options) => send("POST", ofRun(lease, "quality"), request, recordQualityResponse, options, lease),
    createChildren: (lease, request, options) => send("POST", ofRun(lease, "children"), request, createChildrenResponse, options, lease),
    getSecrets: (lease, options) => send("POST", ofRun(lease, "secrets"), {}, runSecrets, options, lease),
    resealSecret: (lease, { name, ...request }, options) => send("PUT", ofRun(lease, `secrets/${name}`), request, resealResponse, options, lease),
    waitForChildren: (lease, options) => send("POST", ofRun(lease, "wait"), {}, runState, options, lease),
    release: (lease, request, options) => send("POST", ofRun(lease, "release"), request, runState, options, lease),
    complete: (lease, output_manifest, options) => send("POST", ofRun(lease, "complete"), { output_manifest }, runState, options, lease),
    fail: (lease, request, options) => send("POST", ofRun(lease, "fail"), request, runState, options, lease),
    report: (reports, options) => send("POST", "/reports", { reports }, reportsResponse, options).then(({ items }) => items),
  };
}
