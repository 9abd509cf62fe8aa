import type { Usage } from "./meter.ts";
import type { Artifact, RegisterArtifactRequest } from "../../contracts/artifact.ts";
import type { ChildRun, ClaimRequest, ClaimsResponse, CreateChildrenRequest, FailRequest, HeartbeatResponse, ReleaseRequest, RunState } from "../../contracts/claim.ts";
import type { DatasetVersion, PinInputsResponse, PublishIntent, PublishDatasetRequest } from "../../contracts/dataset.ts";
import type { NewEvent } from "../../contracts/event.ts";
import type { NewLogChunk } from "../../contracts/log.ts";
import type { NewQualityResult } from "../../contracts/quality.ts";
import type { ReportAnswer, RunReport } from "../../contracts/report.ts";
import type { RunSecrets } from "../../contracts/secret.ts";
import type { SetPhaseRequest } from "../../contracts/run.ts";

/** What proves that a write comes from the holder of the run. */
export interface Lease {
  run_id: string;
  lease_token: string;
}

export interface CallOptions {
  signal?: AbortSignal;
  timeout_ms?: number;
}

/** Bytes to store. `open` is called once for each try and gives the same bytes every time. */
export interface Upload {
  sha256: string;
  byte_size: number;
  environment_id: string;
  open: () => ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer>;
}

/**
 * Everything an executor asks of the control room. Each call has a timeout; all but `claim` and `heartbeat` are
 * repeated on network errors, 429 and 503, which changes nothing: they are fenced by the lease, and events and
 * chunks of lines carry their own ids. They throw LeaseLost when the lease ended, ControlRoomError with a code of the catalogue, or Unreachable.
 */
export interface ControlPlane {
  claim(request: ClaimRequest, options?: CallOptions): Promise<ClaimsResponse>;
  start(lease: Lease, options?: CallOptions): Promise<unknown>;
  heartbeat(lease: Lease, request: { phase?: string | null; lease_seconds?: number; usage?: Usage }, options?: CallOptions): Promise<HeartbeatResponse>;
  appendEvents(lease: Lease, events: NewEvent[], options?: CallOptions): Promise<unknown>;
  appendLogs(lease: Lease, chunks: NewLogChunk[], options?: CallOptions): Promise<unknown>;
  setPhase(lease: Lease, name: string, patch: SetPhaseRequest, options?: CallOptions): Promise<unknown>;
  pinInputs(lease: Lease, request: { datasets?: string[]; sources?: Record<string, unknown> }, options?: CallOptions): Promise<PinInputsResponse>;
  registerArtifact(lease: Lease, request: RegisterArtifactRequest, options?: CallOptions): Promise<Artifact>;
  /** Registers without telling its id. */
  keepArtifact(lease: Lease, request: RegisterArtifactRequest, options?: CallOptions): Promise<unknown>;
  /** Throws ControlRoomError `table_busy` while another run holds one of the tables. */
  beginPublish(lease: Lease, request: { phase: string; datasets: string[]; retain_hours?: number }, options?: CallOptions): Promise<{ items: PublishIntent[] }>;
  recordQuality(lease: Lease, request: { phase: string; results: NewQualityResult[] }, options?: CallOptions): Promise<{ recorded: number; failed: number }>;
  publishDataset(lease: Lease, request: PublishDatasetRequest, options?: CallOptions): Promise<DatasetVersion>;
  createChildren(lease: Lease, request: CreateChildrenRequest, options?: CallOptions): Promise<{ items: ChildRun[] }>;
  /** The connections that the run names, with their secrets as they are sealed. */
  getSecrets(lease: Lease, options?: CallOptions): Promise<RunSecrets>;
  /** The same value sealed to the newest key; `resealed: false` where it was replaced meanwhile. */
  resealSecret(lease: Lease, request: { name: string; version: number; sealed: string }, options?: CallOptions): Promise<{ resealed: boolean }>;
  /** Gives the run back until its child runs have ended. */
  waitForChildren(lease: Lease, options?: CallOptions): Promise<RunState>;
  release(lease: Lease, request: ReleaseRequest, options?: CallOptions): Promise<RunState>;
  complete(lease: Lease, outputManifest: Record<string, unknown>, options?: CallOptions): Promise<RunState>;
  fail(lease: Lease, request: FailRequest, options?: CallOptions): Promise<RunState>;
  /** Writes of many runs in one call, each run's whole or not at all; an answer for each, in order. */
  report(reports: RunReport[], options?: CallOptions): Promise<ReportAnswer[]>;
  /** Stores bytes under their hash; sends nothing where the environment has them (`sent: false`). */
  uploadObject(upload: Upload, options?: CallOptions): Promise<{ sent: boolean }>;
  /** All artifacts of a run. */
  listArtifacts(runId: string, options?: CallOptions): Promise<Artifact[]>;
  /** The whole content, verified against its hash; for small manifests only (64 MB at most). */
  readArtifact(artifact: Artifact, options?: CallOptions): Promise<Uint8Array>;
}
