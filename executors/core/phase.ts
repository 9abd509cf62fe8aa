import type { Artifact, ArtifactKind } from "../../contracts/artifact.ts";
import type { Claim } from "../../contracts/claim.ts";
import type { DatasetVersion, PublishDatasetRequest, PublishIntent, TableLineage } from "../../contracts/dataset.ts";
import type { PhaseConfig, PhaseSpec, PhaseType, PipelineSpec } from "../../contracts/pipeline.ts";
import type { NewQualityResult } from "../../contracts/quality.ts";
import type { KeySlice } from "../engines/key-slices.ts";
import type { ConnectionOf, OpenKind } from "./open-connection.ts";
import type { NewFile } from "./scratch.ts";
import type { ArtifactContent } from "./upload.ts";

/** A Parquet file that a phase staged; `path` is relative to the table's directory. */
export interface StagedFile {
  path: string;
  sha256: string;
  byte_size: number;
  row_count: number;
  /** Delta's per-file statistics, as the JSON text that goes into the log (bigints never pass through a double). */
  stats: string;
  /** Values of the partition columns that differ between files, as Delta writes them. */
  partition_values?: Record<string, string | null>;
  /** Which part of its table it is, where that is divided by its key. */
  slice?: KeySlice;
}

/** A table that a phase staged, not yet committed. Holds nothing volatile, so equal content gives equal bytes. */
export interface StagedTable {
  /** schema.table */
  name: string;
  mode: "overwrite" | "append";
  key: string[];
  columns: { name: string; type: string; nullable: boolean }[];
  /** Columns whose values live in the table's log, not in the Parquet bytes: the run's (`_run_id`, `_ingested_at`), or each file's. */
  partition_columns: { name: string; type: string }[];
  files: StagedFile[];
  row_count: number;
  byte_size: number;
  /** `contentSha256` of it. */
  content_sha256: string;
  /** What its SQL read; absent where no SQL made it. */
  lineage?: TableLineage;
}

/** What a phase hands to those after it, and what its `output_sha256` is the hash of (canonical JSON). */
export interface PhaseOutput {
  tables: StagedTable[];
  /** Small deterministic facts: row counts, check verdicts, artifact hashes. No times, no ids of runs. */
  facts: Record<string, unknown>;
}

export interface PhaseResult {
  output: PhaseOutput;
  /** Figures for people (rows, bytes, seconds); not part of the hash. */
  metrics: Record<string, unknown>;
}

/** Where the tables of an environment live. */
export interface LakeLocation {
  /** `file:/path` of the environment's folder in the lake; of the run's own prefix where the run is isolated. */
  write_root: string;
  /** The environment's folder: registered versions are read from here. */
  read_root: string;
}

export interface PhaseContext<T extends PhaseType = PhaseType> {
  run: Claim["run"];
  spec: PipelineSpec;
  phase: Extract<PhaseSpec, { type: T }>;
  config: PhaseConfig<T>;
  parameters: Record<string, unknown>;
  attempt: number;
  /** Orders writers of a table: a later claim has a larger fence. */
  fence: bigint;
  /** Aborted on cancel, timeout, lost lease and shutdown; stop and write nothing more. */
  signal: AbortSignal;
  /** An empty folder of this phase, removed afterwards. */
  scratch: string;
  lake: LakeLocation;
  limits: { memory_mb: number; threads: number; child_user?: { uid: number; gid: number } | null };
  /** Outputs of all phases that come before this one (transitively), by phase name. */
  upstream: Map<string, PhaseOutput>;
  checkpoint: Record<string, unknown> | null;

  /** A connection that the run names, its secret opened. Throws PermanentError connection_missing, connection_invalid (also where it is of none of the kinds), PhaseError secret_unreadable. */
  connection<K extends OpenKind>(name: string, kinds: readonly K[]): Promise<ConnectionOf<K>>;
  /** Hosts and networks that sources over http may reach beside public ones, of this executor (executors/sources/outbound.ts). */
  outbound_allow: readonly string[];
  /** Seals to the newest key what is sealed to older ones. */
  resealSecrets(): Promise<{ resealed: string[]; replaced: string[] }>;
  /** The text without the secrets that this attempt has opened. */
  redact(text: string): string;
  /** Registered versions that this run reads, by reference (`silver.t`, `silver.t@3`), pinned in its input manifest; missing ones are left out. */
  pinDatasets(names: string[]): Promise<Map<string, DatasetVersion>>;
  /** Record what was read outside the lake; answers what was pinned before where this run repeats another. */
  pinSource(name: string, facts: Record<string, unknown>): Promise<Record<string, unknown>>;
  /** A new file of this phase, for content that is larger than memory. */
  createFile(name: string): Promise<NewFile>;
  /** Upload and register. Streams; the bytes are hashed once. */
  addArtifact(input: {
    name: string;
    kind: ArtifactKind;
    content_type: string;
    content: ArtifactContent;
    metadata?: Record<string, unknown>;
  }): Promise<Artifact>;
  /** The right to commit to tables, all or none; with `retain_hours` older versions are given up. Throws ControlRoomError `table_busy`. */
  beginPublish(datasets: string[], options?: { retain_hours?: number }): Promise<PublishIntent[]>;
  /** What the checks of this phase found, into the dataset's history; a table with a failed one is published by nobody. */
  recordQuality(results: NewQualityResult[]): Promise<void>;
  publishDataset(request: Omit<PublishDatasetRequest, "phase">): Promise<DatasetVersion>;
  /** Kept by the control plane; the next holder of the run finds it in `checkpoint`. Fenced. */
  saveCheckpoint(checkpoint: Record<string, unknown>): Promise<void>;
  /** A PHASE_PROGRESS event. */
  progress(message: string, facts?: Record<string, unknown>): void;
  /** What the phase has used up to now; the next heartbeat tells it to the run's caps. */
  used(figures: { rows?: number; bytes?: number; cost?: number }): void;
  /** A line that a process of this phase printed: into the run's log, secrets of connections taken out. */
  output(stream: "stdout" | "stderr", line: string): void;
  /** A line of this executor's structured log and of the run's; never a secret or row content. */
  log(level: "debug" | "info" | "warn" | "error", message: string, facts?: Record<string, unknown>): void;
}

export type PhaseHandler<T extends PhaseType> = (context: PhaseContext<T>) => Promise<PhaseResult>;
/** To add a phase type: its word in contracts/pipeline.ts, then its file; nothing compiles before it is here. */
export type PhaseRegistry = { [T in PhaseType]: PhaseHandler<T> };
