import type { Claim } from "../../contracts/claim.ts";
import type { DatasetVersion } from "../../contracts/dataset.ts";
import { fillTemplate } from "../../contracts/parameters.ts";
import type { PastInput, PhaseSpec, PipelineSpec } from "../../contracts/pipeline.ts";
import { addArtifact } from "./artifacts.ts";
import type { ControlPlane, Lease } from "./control-plane.ts";
import type { EventBuffer } from "./event-buffer.ts";
import { withFacts, type Log } from "./log.ts";
import type { LogBuffer } from "./log-buffer.ts";
import type { Meter } from "./meter.ts";
import { tidyObject } from "./outcome.ts";
import { ofKind } from "./open-connection.ts";
import type { LakeLocation, PhaseContext, PhaseOutput } from "./phase.ts";
import type { Scratch } from "./scratch.ts";
import type { Redactor } from "./redactor.ts";
import type { OpenedSecrets } from "./run-secrets.ts";
import type { ExecutorSettings } from "./settings.ts";

/** What all phases of one claim share. */
export interface Attempt {
  claim: Claim;
  lease: Lease;
  spec: PipelineSpec;
  controlPlane: ControlPlane;
  settings: AttemptSettings;
  events: EventBuffer;
  logs: LogBuffer;
  log: Log;
  redact: Redactor;
  secrets: OpenedSecrets;
  /** Aborted when the work must stop: cancel, lost lease, shutdown. */
  work: AbortSignal;
  /** Aborted when nothing may be written any more: the lease is lost. */
  held: AbortSignal;
  /** Outputs of phases that succeeded, with their hashes, by phase name. */
  outputs: Map<string, { output: PhaseOutput; sha256: string }>;
  meter: Meter;
  scratch: Scratch;
  /** Whether this attempt has brought the run on: a phase succeeded, or a checkpoint was kept. */
  progressed: boolean;
}
export type AttemptSettings = Pick<ExecutorSettings, "lake" | "engines" | "phase_parallelism" | "memory_mb" | "threads" | "child_user" | "connections" | "outbound_allow">;

/** Tables of an environment lie in its own folder; a verification, with its child runs, writes into a prefix that nobody else reads. */
export function lakeLocation(lake: string, run: Pick<Claim["run"], "environment_id" | "run_id" | "parent_run_id" | "isolated">): LakeLocation {
  const read_root = `${lake}/${run.environment_id}`;
  return { read_root, write_root: run.isolated ? `${read_root}/_isolated/${run.parent_run_id ?? run.run_id}` : read_root };
}

/** The phase with parameters in the places that take them. */
export function filledPhase(phase: PhaseSpec, parameters: Record<string, unknown>): PhaseSpec {
  if (phase.type === "ingest") {
    const connection = fillTemplate(phase.config.connection, parameters);
    // The paths of files are filled in by the phase itself, which knows what may stand in them.
    if (!("mode" in phase.config)) return { ...phase, config: { ...phase.config, connection } };
    const { cdc } = phase.config;
    const resync = typeof cdc?.resync === "string" ? fillTemplate(cdc.resync, parameters) === "true" : cdc?.resync;
    const tables = phase.config.tables.map(({ range, ...table }) => (range === undefined ? table : { ...table, range: { ...range, from: fillTemplate(range.from, parameters), to: fillTemplate(range.to, parameters) } }));
    return { ...phase, config: { ...phase.config, connection, tables, ...(cdc === undefined ? {} : { cdc: { ...cdc, resync: resync ?? false } }) } };
  }
  if (phase.type === "connect") return { ...phase, config: { connection: fillTemplate(phase.config.connection, parameters) } };
  if (phase.type === "transform") return { ...phase, config: { ...phase.config, past: filledPast(phase.config.past, parameters) } };
  if (phase.type !== "query") return phase;
  const { connection, past } = phase.config;
  return { ...phase, config: { ...phase.config, past: filledPast(past, parameters), ...(connection === undefined ? {} : { connection: fillTemplate(connection, parameters) }) } };
}

function filledPast(past: PastInput[] | undefined, parameters: Record<string, unknown>): PastInput[] | undefined {
  const filled = <T>(value: T): T | string => (typeof value === "string" ? fillTemplate(value, parameters) : value);
  return past?.map((input) => ({ ...input, version: filled(input.version), timestamp: filled(input.timestamp) }));
}

export interface OpenContext {
  context: PhaseContext;
  /** Whether the phase has said anything yet. */
  progressed: () => boolean;
  /** Datasets that it pinned. */
  pinned: ReadonlyMap<string, DatasetVersion>;
}

/** What a handler gets to see and do. After `signal` aborts, every call of it throws the signal's reason. */
export function openContext(attempt: Attempt, phase: PhaseSpec, before: ReadonlySet<string>, options: { signal: AbortSignal; scratch: string; checkpoint: Record<string, unknown> | null }): OpenContext {
  const { claim, controlPlane, lease, settings } = attempt;
  const { signal } = options;
  const log = withFacts(attempt.log, { phase: phase.name });
  const pinned = new Map<string, DatasetVersion>();
  let progressed = false;

  const context: PhaseContext = {
    run: claim.run, spec: attempt.spec, phase, config: phase.config, parameters: claim.run.parameters,
    attempt: claim.attempt, fence: BigInt(claim.fence), signal, scratch: options.scratch, checkpoint: options.checkpoint,
    lake: lakeLocation(settings.lake, claim.run), limits: { memory_mb: settings.memory_mb, threads: settings.threads, child_user: settings.child_user },
    upstream: new Map([...attempt.outputs].filter(([name]) => before.has(name)).map(([name, { output }]) => [name, output])),

    connection: async (name, kinds) => ofKind(await attempt.secrets.connection(name, signal), name, kinds),
    outbound_allow: settings.outbound_allow ?? [],
    resealSecrets: () => attempt.secrets.reseal(signal),
    redact: attempt.redact.known,
    async pinDatasets(names) {
      signal.throwIfAborted();
      if (names.length === 0) return new Map();
      const { datasets } = await controlPlane.pinInputs(lease, { datasets: names }, { signal });
      const wanted = new Map(datasets.filter((dataset) => names.includes(dataset.pinned_as)).map(({ pinned_as, ...dataset }) => [pinned_as, dataset]));
      for (const [name, dataset] of wanted) pinned.set(name, dataset);
      return wanted;
    },
    async pinSource(name, facts) {
      signal.throwIfAborted();
      const { sources } = await controlPlane.pinInputs(lease, { sources: { [name]: tidyObject(facts) } }, { signal });
      const source = sources[name];
      return source !== null && typeof source === "object" ? (source as Record<string, unknown>) : facts;
    },
    createFile: (name) => attempt.scratch.create(options.scratch, name),
    async addArtifact(input) {
      signal.throwIfAborted();
      return addArtifact(controlPlane, lease, claim.run.environment_id, { ...input, phase: phase.name }, attempt.scratch, attempt.redact, { signal });
    },
    async beginPublish(datasets, options = {}) {
      signal.throwIfAborted();
      return (await controlPlane.beginPublish(lease, { phase: phase.name, datasets, ...options }, { signal })).items;
    },
    async recordQuality(results) {
      signal.throwIfAborted();
      await controlPlane.recordQuality(lease, { phase: phase.name, results }, { signal });
    },
    async publishDataset(request) {
      signal.throwIfAborted();
      return controlPlane.publishDataset(lease, { ...request, phase: phase.name }, { signal });
    },
    async saveCheckpoint(checkpoint) {
      signal.throwIfAborted();
      await controlPlane.setPhase(lease, phase.name, { status: "running", checkpoint: tidyObject(checkpoint) }, { signal });
      attempt.progressed = true;
    },
    progress(message, facts = {}) {
      if (signal.aborted) return;
      progressed = true;
      attempt.events.add({ type: "PHASE_PROGRESS", level: "info", phase: phase.name, message, data: facts });
    },
    used: (figures) => attempt.meter.note(phase.name, figures),
    output: (stream, line) => attempt.logs.add(phase.name, stream, line),
    log: (level, message, facts) => log(level, message, facts),
  };
  return { context, progressed: () => progressed, pinned };
}
