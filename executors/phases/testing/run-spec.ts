import { randomUUID } from "node:crypto";
import { appendFile, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { createReadStream } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Artifact } from "../../../contracts/artifact.ts";
import { canonicalJson } from "../../../contracts/canonical.ts";
import type { DatasetVersion } from "../../../contracts/dataset.ts";
import { applyParameters } from "../../../contracts/parameters.ts";
import type { PhaseType, PipelineSpec } from "../../../contracts/pipeline.ts";
import type { NewQualityResult } from "../../../contracts/quality.ts";
import type { Claim } from "../../../contracts/claim.ts";
import { PermanentError } from "../../core/errors.ts";
import { sha256Of } from "../../core/hash.ts";
import { ofKind, openUrl } from "../../core/open-connection.ts";
import { filledPhase } from "../../core/phase-context.ts";
import type { PhaseContext, PhaseHandler, PhaseOutput } from "../../core/phase.ts";
import { hashFile } from "../../storage/background-hash.ts";
import { objectPath, putObject } from "../../storage/object-store.ts";
import { openStorage } from "../../storage/storage.ts";
import { registry } from "../registry.ts";

/**
 * What phases need of a control plane, kept in memory: registered versions, artifacts, pins. It has the rules of the
 * SQL functions that matter to a phase; the whole system is tested elsewhere.
 */
export interface Environment {
  environment_id: string;
  /** `file:` URL of the lake. */
  lake: string;
  scratch: string;
  datasets: Map<string, DatasetVersion[]>;
  connections: Record<string, string>;
  fence: number;
}

export interface RunRecord {
  run: Claim["run"];
  outputs: Map<string, PhaseOutput>;
  /** SHA-256 of each phase's output, as the run records it. */
  hashes: Record<string, string>;
  artifacts: Map<string, { artifact: Artifact; text: () => Promise<string> }>;
  /** What the last validate phase reported. */
  quality?: NewQualityResult[];
  messages: string[];
  metrics: Record<string, Record<string, unknown>>;
}

export interface RunOptions {
  parameters?: Record<string, unknown>;
  threads?: number;
  signal?: AbortSignal;
  /** Repeats this run: its pins are taken over. */
  repeats?: RunRecord;
  isolated?: boolean;
  /** Another attempt of this run. */
  attempt_of?: RunRecord;
  /** Called before a phase; a throw stands for an executor that dies there. */
  beforePhase?: (name: string) => void;
  publishFails?: boolean;
  /** Awaited before tables are taken. */
  beforePublish?: () => Promise<unknown> | undefined;
  /** Called with the run before its first phase. */
  onStart?: (record: RunRecord) => void;
  /** Called with each progress message; a throw stands for an executor that dies there. */
  onProgress?: (message: string) => void;
  fence?: number;
}

/** Executes all phases in the order of the spec. */
export async function runSpec(environment: Environment, spec: PipelineSpec, options: RunOptions = {}): Promise<RunRecord> {
  const before = options.attempt_of ?? options.repeats;
  const { parameters, errors } = applyParameters(spec, options.parameters ?? before?.run.parameters ?? {});
  if (parameters === null) throw new PermanentError("invalid_parameters", JSON.stringify(errors));
  const run = options.attempt_of?.run ?? newRun(environment, options);
  const record: RunRecord = options.attempt_of ?? { run, outputs: new Map(), hashes: {}, artifacts: new Map(), messages: [], metrics: {} };
  run.parameters = parameters;
  run.input_manifest = structuredClone(before?.run.input_manifest ?? { datasets: {}, sources: {} });
  environment.fence += 1;
  options.onStart?.(record);
  for (const written of spec.phases) {
    const phase = filledPhase(written, parameters);
    options.beforePhase?.(phase.name);
    const scratch = await mkdtemp(join(environment.scratch, "phase-"));
    try {
      const context = await contextOf(environment, spec, phase, record, options, scratch);
      const handler = registry[phase.type] as PhaseHandler<PhaseType>;
      const { output, metrics } = await handler(context);
      record.metrics[phase.name] = metrics;
      record.outputs.set(phase.name, JSON.parse(canonicalJson(output)) as PhaseOutput);
      record.hashes[phase.name] = sha256Of(canonicalJson(output));
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  }
  return record;
}

async function contextOf(environment: Environment, spec: PipelineSpec, phase: PipelineSpec["phases"][number], record: RunRecord, options: RunOptions, scratch: string): Promise<PhaseContext> {
  const { run } = record;
  const manifest = run.input_manifest as { datasets: Record<string, number>; sources: Record<string, Record<string, unknown>> };
  const read_root = `${environment.lake}/${environment.environment_id}`;
  const objects = await openStorage(`${environment.lake}/objects`);
  return {
    run, spec, phase, config: phase.config, parameters: run.parameters, attempt: run.attempt, fence: BigInt(options.fence ?? environment.fence),
    signal: options.signal ?? new AbortController().signal, scratch, checkpoint: null, upstream: record.outputs,
    lake: { read_root, write_root: run.isolated ? `${read_root}/_isolated/${run.run_id}` : read_root },
    limits: { memory_mb: 1024, threads: options.threads ?? 2 },
    async connection(name, kinds) {
      const opened = openUrl(environment.connections[name] ?? "none:");
      if (opened === null) throw new PermanentError("connection_missing", `no connection ${name}`);
      return ofKind(opened, name, kinds);
    },
    // Sources of tests are on this machine.
    outbound_allow: ["127.0.0.0/8"],
    resealSecrets: async () => ({ resealed: [], replaced: [] }),
    redact: (text) => text,
    async pinDatasets(names) {
      const found = new Map<string, DatasetVersion>();
      for (const reference of names) {
        const [name, at] = reference.split("@") as [string, string?];
        const versions = environment.datasets.get(name);
        if (versions === undefined) continue;
        const version = (manifest.datasets[reference] ??= at === undefined ? versions.length : Number(at));
        const registered = versions[version - 1];
        if (registered !== undefined) found.set(reference, registered);
      }
      return found;
    },
    async pinSource(name, facts) {
      return (manifest.sources[name] ??= structuredClone(facts));
    },
    async addArtifact({ name, kind, content_type, content, metadata = {} }) {
      const bytes = "file" in content ? null : Buffer.from("text" in content ? content.text : content.bytes);
      const { sha256, byte_size } = "file" in content ? await hashFile(content.file) : { sha256: sha256Of(bytes!), byte_size: bytes!.byteLength };
      await putObject(objects, "file" in content ? createReadStream(content.file) : Readable.from([bytes!]), { sha256, byte_size });
      const artifact: Artifact = { artifact_id: randomUUID(), run_id: run.run_id, phase: phase.name, name, kind, content_type, byte_size: String(byte_size), sha256, url: `/api/v1/objects/${sha256}`, metadata, created_at: new Date().toISOString() };
      record.artifacts.set(name, { artifact, text: async () => (await objects.readText(objectPath(sha256))) ?? "" });
      return artifact;
    },
    async beginPublish(names, { retain_hours } = {}) {
      await options.beforePublish?.();
      const fence = String(options.fence ?? (environment.fence += 1));
      return names.map((name) => ({ name, fence, base_table_version: environment.datasets.get(name)?.at(-1)?.table_version ?? "-1", kept_from_table_version: environment.datasets.get(name)?.at(retain_hours === undefined ? 0 : -1)?.table_version ?? "-1" }));
    },
    async recordQuality(results) {
      record.quality = results;
    },
    async publishDataset(request) {
      if (options.publishFails) throw new Error("the control plane went away");
      const versions = environment.datasets.get(request.name) ?? [];
      const mine = versions.find((version) => version.run_id === run.run_id);
      if (mine !== undefined) return mine;
      if (versions.some((version) => Number(version.table_version) >= request.table_version)) throw new PermanentError("conflict", "A version at least as new is registered.");
      const made: DatasetVersion = { ...request, dataset_id: randomUUID(), version: versions.length + 1, table_version: String(request.table_version), row_count: String(request.row_count), byte_size: String(request.byte_size), run_id: run.run_id, data_at: run.created_at, created_at: new Date().toISOString() };
      environment.datasets.set(request.name, [...versions, made]);
      return made;
    },
    async createFile(name) {
      const file = join(scratch, name);
      return { write: (chunk) => appendFile(file, chunk), done: async () => ({ file }) };
    },
    async saveCheckpoint() {},
    used: () => undefined,
    progress: (message) => {
      record.messages.push(`${phase.name}: ${message}`);
      options.onProgress?.(message);
    },
    output: (stream, line) => void record.messages.push(`${phase.name} ${stream}: ${line}`),
    log: (level, message, facts) => {
      if (level === "warn" || level === "error") record.messages.push(`${phase.name} ${level}: ${message} ${JSON.stringify(facts)}`);
    },
  };
}

function newRun(environment: Environment, options: RunOptions): Claim["run"] {
  const now = new Date().toISOString();
  return {
    run_id: randomUUID(), project_id: environment.environment_id, environment_id: environment.environment_id, status: "running", template_key: null, template_version: null, spec_slug: "test",
    spec_sha256: "0".repeat(64), git_sha: null, parameters: options.parameters ?? {}, trigger: "manual", scheduled_for: null, input_manifest: null, attempt: 1, max_attempts: 3, isolated: options.isolated ?? false,
    parent_run_id: null, repairs_run_id: options.repeats?.run.run_id ?? null, repair_mode: options.repeats === undefined ? null : "all", created_at: now, claimed_at: now, started_at: now,
  };
}

/** An empty environment in a folder. */
export function newEnvironment(folder: URL, connections: Record<string, string> = {}): Environment {
  return { environment_id: randomUUID(), lake: new URL("lake", folder).href, scratch: fileURLToPath(folder), datasets: new Map(), connections, fence: 0 };
}
